// States come 20 times a second, frames 60 times: the page shows the arena a moment ago,
// between two states that it has, so that everything glides.

const TICK_MS = 50;
const BEHIND_MS = 70;  // a little more than a tick: the next state is nearly always there
const KEPT = 8;

export class Past {
  #states = [];
  #offset;             // our clock, less the ticks' time

  clear() {
    this.#states = [];
    this.#offset = undefined;
  }

  add(state) {
    if (state.tick < this.#states.at(-1)?.tick) this.clear(); // the backend began anew
    this.#states.push(state);
    if (this.#states.length > KEPT) this.#states.shift();
    const offset = performance.now() - state.tick * TICK_MS;
    // Follows slowly, so that one late state does not make everything jump.
    this.#offset = this.#offset === undefined || Math.abs(offset - this.#offset) > 500
      ? offset
      : this.#offset + (offset - this.#offset) * 0.1;
  }

  /** Where I am, as far as we know. */
  mine(id) {
    return this.#states.at(-1)?.players.find((player) => player.id === id);
  }

  /** What to show: the older state's players, moved towards where the next one has them. */
  at(now) {
    const tick = (now - BEHIND_MS - this.#offset) / TICK_MS;
    const next = this.#states.find((state) => state.tick > tick) ?? this.#states.at(-1);
    if (!next) return undefined;
    const before = this.#states.findLast((state) => state.tick <= tick) ?? next;
    const part = next === before ? 1 : (tick - before.tick) / (next.tick - before.tick);
    const players = next.players.map((player) => {
      const was = before.players.find(({ id }) => id === player.id) ?? player;
      const between = (key) => was[key] + (player[key] - was[key]) * part;
      return { ...player, x: between("x"), y: between("y"), dx: player.x - was.x, dy: player.y - was.y };
    });
    return { ...before, players };
  }
}
