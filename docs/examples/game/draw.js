// Draws the arena and everything in it.

import { colourOf, css, me } from "/shared/me.js";
import { ARENA, look } from "/game/view.js";

const RADIUS = 30;
const POP_MS = 600;
const calm = matchMedia("(prefers-reduced-motion: reduce)");
const context = document.getElementById("field").getContext("2d");
const looks = new Map();  // id → where somebody looks
let coinsBefore = new Map();
let pops = [];            // coins that were just taken: { x, y, value, since }
let colours = {};

/** Colours are the page's, and change with its scheme. */
function readColours() {
  const names = ["--dots", "--coin", "--coin-edge", "--gold", "--eye", "--text", "--accent"];
  for (let person = 0; person < 8; person += 1) names.push(`--person-${person}`);
  colours = Object.fromEntries(names.map((name) => [name, css(name)]));
}
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", readColours);
readColours();

export function draw(state, now) {
  look(context, state?.players.find(({ id }) => id === me.id));
  dots();
  if (!state) return;
  notePops(state, now);
  for (const coin of state.coins) drawCoin(coin, now);
  for (const player of state.players) drawPlayer(player);
  for (const player of state.players) drawName(player);
  drawPops(now);
}

function dots() {
  context.fillStyle = colours["--dots"];
  for (let x = 25; x < ARENA.width; x += 50) {
    for (let y = 25; y < ARENA.height; y += 50) context.fillRect(x - 1.5, y - 1.5, 3, 3);
  }
}

function circle(x, y, radius, fill) {
  context.beginPath();
  context.arc(x, y, radius, 0, 2 * Math.PI);
  context.fillStyle = fill;
  context.fill();
}

function drawCoin({ id, x, y, value }, now) {
  const gold = value > 1;
  const radius = gold ? 18 : 13;
  // It turns: seen from the side it is narrow.
  const turn = calm.matches ? 1 : 0.35 + 0.65 * Math.abs(Math.cos(now / 500 + id));
  context.save();
  context.translate(x, y);
  context.scale(turn, 1);
  circle(0, 0, radius, colours["--coin-edge"]);
  circle(0, 0, radius - 2.5, colours[gold ? "--gold" : "--coin"]);
  if (gold) {
    context.fillStyle = colours["--coin-edge"];
    text("5", 0, 1, 19);
  }
  context.restore();
}

function drawPlayer({ id, x, y, dx, dy, dash, stun, ready }) {
  const colour = colours[`--person-${colourOf(id)}`];
  if (dash) {
    context.globalAlpha = 0.25;
    for (const far of [1, 2]) circle(x - dx * far * 0.6, y - dy * far * 0.6, RADIUS - far * 5, colour);
    context.globalAlpha = 1;
  }
  context.globalAlpha = stun ? 0.5 : 1;
  circle(x, y, RADIUS, colour);
  if (Math.hypot(dx, dy) > 1) looks.set(id, Math.atan2(dy, dx));
  const way = looks.get(id) ?? Math.PI / 2;
  for (const side of [-0.5, 0.5]) circle(x + Math.cos(way + side) * 18, y + Math.sin(way + side) * 18, 6, colours["--eye"]);
  context.globalAlpha = 1;
  if (id !== me.id) return;
  // A ring says which one I am; whole when I can dash.
  context.beginPath();
  context.arc(x, y, RADIUS + 5, 0, 2 * Math.PI);
  context.setLineDash(ready ? [] : [5, 8]);
  context.strokeStyle = colours["--text"];
  context.lineWidth = 2;
  context.stroke();
  context.setLineDash([]);
}

function drawName({ name, x, y }) {
  context.fillStyle = colours["--text"];
  text(name, Math.min(Math.max(x, 60), ARENA.width - 60), y < 75 ? y + RADIUS + 22 : y - RADIUS - 20, 16);
}

/** Notes which coins are gone since the last frame: a number rises where they were. */
function notePops({ coins }, now) {
  const present = new Map(coins.map((coin) => [coin.id, coin]));
  for (const [id, coin] of coinsBefore) if (!present.has(id)) pops.push({ ...coin, since: now });
  coinsBefore = present;
  pops = pops.filter(({ since }) => now - since < POP_MS).slice(-30);
}

function drawPops(now) {
  for (const { x, y, value, since } of pops) {
    const part = (now - since) / POP_MS;
    context.globalAlpha = 1 - part;
    context.fillStyle = colours["--text"];
    text(`+${value}`, x, y - (calm.matches ? 0 : part * 36), value > 1 ? 24 : 18);
  }
  context.globalAlpha = 1;
}

/** Text around a point. */
function text(words, x, y, size) {
  context.font = `600 ${size}px system-ui, "Segoe UI", "Noto Sans", "DejaVu Sans", sans-serif`;
  context.textAlign = "center";
  context.textBaseline = "middle";
  context.fillText(words, x, y);
}
