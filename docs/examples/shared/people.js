// Who is here, as the pages themselves tell each other: everybody says so on coming, now and
// then, and on leaving. It is as true as what they say; presence that the gateway vouches
// for is not in this version.

import { tell } from "/shared/gateway.js";
import { colourOf, me, nameOf } from "/shared/me.js";

const HERE_EVERY_MS = 10_000;
const GONE_AFTER_MS = 25_000; // since the last word of somebody whose leaving nobody heard
const PEOPLE_MAX = 200;

export class People {
  /** id → { name, seen, … }: the others, as far as we have heard of them. */
  others = new Map();
  #socket;
  #room;
  #onChange;
  #onNotice;

  /** `room()` is the room of the moment; `onNotice(text)` hears who came and went. */
  constructor(socket, room, { onChange, onNotice = () => {} }) {
    this.#socket = socket;
    this.#room = room;
    this.#onChange = onChange;
    this.#onNotice = onNotice;
    this.on("here", () => {});
    this.on("joined", (_, person, isNew) => {
      if (isNew) onNotice(`${person.name} joined`);
      this.say("here"); // so that the one who came knows us
    });
    this.on("left", ({ id }, person, isNew) => {
      this.others.delete(id);
      if (!isNew) onNotice(`${person.name} left`);
    });
    this.on("renamed", ({ before }, person) => onNotice(`${nameOf(before)} is now ${person.name}`));
    setInterval(() => this.say("here"), HERE_EVERY_MS);
    setInterval(() => this.#forget(), 1_000);
    addEventListener("pagehide", () => this.say("left")); // most get through
  }

  /** Tells the room something about me. A Socket.IO event does not say to which room it was
   *  published: where that matters, it has to be in the value. */
  say(event, more) {
    tell(this.#socket, this.#room(), event, this.about(more));
  }

  /** A value that says who it is from, and to which room it goes. */
  about(more) {
    return { room: this.#room(), id: me.id, name: me.name, ...more };
  }

  /** Takes `event` of others: `take(value, person, isNew)`. Anybody may publish anything, so
   *  nothing in it is to be relied on. */
  on(event, take) {
    this.#socket.on(event, (value) => {
      const { room, id } = value ?? {};
      if (room !== this.#room() || typeof id !== "string" || id.length > 64 || id === me.id) return;
      const known = this.others.get(id);
      if (!known && this.others.size >= PEOPLE_MAX) return;
      const person = { ...known, name: nameOf(value.name), seen: Date.now() };
      this.others.set(id, person);
      take(value, person, !known);
      this.#onChange();
    });
  }

  /** Forgets everybody: after a change of rooms, or without a connection. */
  clear() {
    this.others.clear();
    this.#onChange();
  }

  #forget() {
    for (const [id, person] of this.others) {
      if (Date.now() - person.seen < GONE_AFTER_MS) continue;
      this.others.delete(id);
      this.#onNotice(`${person.name} is gone`);
    }
    this.#onChange();
  }
}

/** Shows me and the others in the list `#people`. */
export function showPeople(others) {
  const list = document.getElementById("people");
  const sorted = [...others].sort(([, a], [, b]) => a.name.localeCompare(b.name));
  list.replaceChildren(...[[me.id, me], ...sorted].map(([id, { name }]) => {
    const row = document.createElement("li");
    row.dataset.person = colourOf(id);
    const label = document.createElement("span");
    label.textContent = id === me.id ? `${name} (you)` : name;
    row.append(label);
    return row;
  }));
}
