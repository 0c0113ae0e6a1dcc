// The board as the backend has it: loaded once, then kept up by numbered changes.

const RETRY_MS = 2_000;

export class Store {
  /** id → stroke, in the order in which they were taken. */
  strokes = new Map();
  #epoch;
  #version = -1;
  #loading = false;
  #again = false;
  #onChange;

  /** `onChange(stroke)` hears of a new stroke; without one, everything may be different. */
  constructor(onChange) {
    this.#onChange = onChange;
  }

  /** Loads the whole board: after a (re)connect, and when a change was missed. Only once
   *  subscribed: what changes after that is heard, so that nothing falls in between. */
  async load() {
    if (this.#loading) {
      this.#again = true; // what is on its way may be too old already
      return;
    }
    this.#loading = true;
    do {
      this.#again = false;
      try {
        const { epoch, version, strokes } = await (await fetch("/board/api/state")).json();
        this.#epoch = epoch;
        this.#version = version;
        this.strokes = new Map(strokes.map((stroke) => [stroke.id, stroke]));
        this.#onChange();
      } catch {
        this.#again = true;
        await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
      }
    } while (this.#again);
    this.#loading = false;
  }

  /** Takes what the backend published: `{ epoch, changes: [{ version, type, … }] }`. */
  take({ epoch, changes }) {
    for (const change of changes) {
      if (epoch === this.#epoch && change.version <= this.#version) continue; // known already
      const isNext = epoch === this.#epoch && change.version === this.#version + 1;
      if (!isNext || change.type === "reload" || this.#loading) return this.load();
      this.#version = change.version;
      this.#apply(change);
    }
  }

  #apply({ type, stroke, id }) {
    if (type === "stroke") this.strokes.set(stroke.id, stroke);
    else if (type === "undo") this.strokes.delete(id);
    else this.strokes.clear();
    this.#onChange(stroke);
  }

  /** Asks for a change. An error says why it was refused, or that nobody answered. */
  async change(change) {
    const answer = await fetch("/board/api/changes", {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(change),
    });
    if (answer.ok) return;
    const { error } = await answer.json();
    throw Object.assign(new Error(error), { final: true });
  }
}
