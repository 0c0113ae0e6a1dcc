// Coin rush, the page: says what the player wants, shows what the backend decided.

import { connect, tell } from "/shared/gateway.js";
import { me, nameField } from "/shared/me.js";
import { controls } from "/game/controls.js";
import { draw } from "/game/draw.js";
import { Past } from "/game/past.js";
import { showRound, showScores, showTrouble } from "/game/scores.js";

const INPUTS = "game:inputs";
const ARENA = "game:arena";
const INPUT_EVERY_MS = 500;   // also without a change: it says that we are there
const STALE_MS = 1_500;       // no state for so long: something between us and the backend is away
const LATENCIES = 10;

const past = new Past();
const latencies = [];
let connected = false;
let lastState = -Infinity;
let lastAt = 0;

const socket = connect({
  rooms: () => [ARENA],
  onReady: () => {
    connected = true;
    past.clear();
    want();
  },
  onAway: () => {
    connected = false;
    latencies.length = 0;
  },
});

/** Tells the backend what we want. Each input is the whole wish: one that is lost is made good
 *  by the next. `at` comes back in the state, so that we know how long it took. */
function want({ dash = false } = {}) {
  if (!connected) return;
  const { dx, dy } = controls.way(past.mine(me.id));
  tell(socket, INPUTS, "input", { id: me.id, name: me.name, dx, dy, dash, at: Math.round(performance.now()) });
}

socket.on("state", (state) => {
  lastState = performance.now();
  past.add(state);
  const player = state.players.find(({ id }) => id === me.id);
  if (player && player.at !== lastAt) {
    // From the key to the first state that knows of it: client, gateway, backend, its tick,
    // and back through the gateway.
    lastAt = player.at;
    latencies.push(lastState - player.at);
    if (latencies.length > LATENCIES) latencies.shift();
  }
  showScores(state, latencies);
  showRound(state);
});

controls.onChange(want);
addEventListener("pagehide", () => tell(socket, INPUTS, "leave", { id: me.id })); // if it is lost, silence says it
nameField(() => want());
setInterval(want, INPUT_EVERY_MS);

function frame(now) {
  if (!connected) showTrouble("No connection", "Coming back by itself, with your coins if it is soon.");
  else if (now - lastState > STALE_MS) showTrouble("Nothing to see", "The game's backend does not say anything. Waiting for it.");
  else showTrouble();
  draw(past.at(now), now);
  requestAnimationFrame(frame);
}
requestAnimationFrame(frame);
