// The rules of Coin rush: what happens in one tick. No network, no clock: time is an argument.

export const ARENA = { width: 1000, height: 600 };
export const TICK_MS = 50;

const RADIUS = 30;
const COIN_RADIUS = 16;
const WALL = 8;
const COINS = 14;
const GOLD_EVERY = 7;       // every seventh coin is worth five
const SPEED = 0.26;         // units a millisecond
const DASH = { speed: 0.75, ms: 180, restMs: 1_200 };
const DROPPED_MAX = 4;      // coins that somebody loses who is bumped into
const STUN_MS = 500;
const BREAK_MS = 7_000;
const PLAYERS_MAX = 12;
const SILENT_MS = 8_000;    // who has not been heard of for so long is out

export class Game {
  players = new Map();
  coins = [];
  tick = 0;
  playing = true;
  leftMs;
  #coinId = 0;
  #random;
  #roundMs;

  constructor({ roundMs = 60_000, random = Math.random } = {}) {
    this.leftMs = roundMs;
    this.#roundMs = roundMs;
    this.#random = random;
  }

  /** Takes what a player wants; the first time, the player comes in. False if the arena is full. */
  input(id, { name, dx, dy, dash, at }) {
    if (!this.players.has(id) && this.players.size >= PLAYERS_MAX) return false;
    const player = this.players.get(id) ?? this.#newPlayer(id);
    const length = Math.max(1, Math.hypot(dx, dy));
    Object.assign(player, { name, dx: dx / length, dy: dy / length, at, heardTick: this.tick });
    if (dash && player.restMs <= 0 && (player.dx || player.dy)) Object.assign(player, { dashMs: DASH.ms, restMs: DASH.restMs });
    return true;
  }

  step() {
    this.tick += 1;
    for (const [id, player] of this.players) {
      if ((this.tick - player.heardTick) * TICK_MS > SILENT_MS) this.players.delete(id);
    }
    this.leftMs -= TICK_MS;
    if (this.leftMs <= 0) this.#nextPhase();
    while (this.coins.length < COINS) this.#addCoin(this.#anywhere());
    for (const player of this.players.values()) this.#move(player);
    if (!this.playing) return;
    this.#bump();
    this.coins = this.coins.filter((coin) => !this.#taken(coin));
  }

  /** All that a page shows, complete each time: a page may miss any number of them. */
  state() {
    const players = [...this.players.values()].map(({ id, name, x, y, score, dashMs, restMs, stunMs, at }) => ({
      id, name, score, at, x: Math.round(x), y: Math.round(y), dash: dashMs > 0, ready: restMs <= 0, stun: stunMs > 0,
    }));
    return { tick: this.tick, playing: this.playing, leftMs: this.leftMs, players, coins: this.coins };
  }

  #newPlayer(id) {
    const player = { id, ...this.#anywhere(), dx: 0, dy: 0, score: 0, dashMs: 0, restMs: 0, stunMs: 0 };
    this.players.set(id, player);
    return player;
  }

  #nextPhase() {
    this.playing = !this.playing;
    this.leftMs = this.playing ? this.#roundMs : BREAK_MS;
    if (this.playing) for (const player of this.players.values()) player.score = 0;
  }

  #move(player) {
    for (const left of ["dashMs", "restMs", "stunMs"]) player[left] = Math.max(0, player[left] - TICK_MS);
    if (player.stunMs > 0) return;
    const way = (player.dashMs > 0 ? DASH.speed : SPEED) * TICK_MS;
    this.#place(player, player.x + player.dx * way, player.y + player.dy * way, RADIUS);
  }

  /** Who dashes into somebody makes them drop coins; two that only meet push each other apart. */
  #bump() {
    const players = [...this.players.values()];
    players.forEach((one, index) => players.slice(index + 1).forEach((other) => {
      const [x, y] = [other.x - one.x, other.y - one.y];
      const distance = Math.hypot(x, y) || 1;
      if (distance >= 2 * RADIUS) return;
      const push = (2 * RADIUS - distance) / 2 / distance;
      this.#place(one, one.x - x * push, one.y - y * push, RADIUS);
      this.#place(other, other.x + x * push, other.y + y * push, RADIUS);
      if (one.dashMs > 0 && other.dashMs <= 0) this.#drop(other);
      if (other.dashMs > 0 && one.dashMs <= 0) this.#drop(one);
    }));
  }

  #drop(player) {
    if (player.stunMs > 0) return;
    player.stunMs = STUN_MS;
    const dropped = Math.min(DROPPED_MAX, player.score);
    player.score -= dropped;
    for (let count = 0; count < dropped; count += 1) {
      const [angle, far] = [this.#random() * 2 * Math.PI, 80 + this.#random() * 50];
      this.#addCoin({ x: player.x + Math.cos(angle) * far, y: player.y + Math.sin(angle) * far }, 1);
    }
  }

  #taken(coin) {
    for (const player of this.players.values()) {
      const near = Math.hypot(player.x - coin.x, player.y - coin.y) < RADIUS + COIN_RADIUS;
      if (!near || player.stunMs > 0) continue;
      player.score += coin.value;
      return true;
    }
    return false;
  }

  #addCoin({ x, y }, value = this.#coinId % GOLD_EVERY === GOLD_EVERY - 1 ? 5 : 1) {
    const coin = { id: this.#coinId++, value };
    this.#place(coin, x, y, COIN_RADIUS);
    this.coins.push(coin);
  }

  /** Puts something there, within the walls. */
  #place(thing, x, y, radius) {
    thing.x = Math.round(Math.min(Math.max(x, radius + WALL), ARENA.width - radius - WALL));
    thing.y = Math.round(Math.min(Math.max(y, radius + WALL), ARENA.height - radius - WALL));
  }

  #anywhere() {
    return { x: 40 + this.#random() * (ARENA.width - 80), y: 40 + this.#random() * (ARENA.height - 80) };
  }
}
