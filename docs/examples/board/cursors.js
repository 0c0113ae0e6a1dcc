// The pointers of the others, above the ink.

import { colourOf } from "/shared/me.js";
import { BOARD } from "/board/ink.js";

const STILL_MS = 8_000; // a pointer that has not moved for so long is put away
const place = document.getElementById("cursors");
const shown = new Map(); // id → element

/** Notes where somebody's pointer is; without x and y it has left the board. */
export function showCursor(person, x, y) {
  person.cursor = Number.isFinite(x) && Number.isFinite(y) ? { x, y, at: Date.now() } : undefined;
}

/** Shows the pointers of `others` and puts away those that are gone. */
export function showCursors(others) {
  for (const [id, { name, cursor }] of others) {
    if (!cursor || Date.now() - cursor.at > STILL_MS) remove(id);
    else move(shown.get(id) ?? make(id), name, cursor);
  }
  for (const id of shown.keys()) if (!others.has(id)) remove(id);
}

function make(id) {
  const pointer = document.createElement("div");
  pointer.className = "cursor";
  pointer.dataset.person = colourOf(id);
  pointer.innerHTML = '<svg viewBox="0 0 18 18"><path d="M1.5 1.5l5 14 2.5-6 6-2.5z"/></svg><span></span>';
  place.append(pointer);
  shown.set(id, pointer);
  return pointer;
}

function move(pointer, name, { x, y }) {
  const across = (x / BOARD.width) * place.clientWidth;
  const down = (y / BOARD.height) * place.clientHeight;
  pointer.style.transform = `translate(${across}px, ${down}px)`;
  pointer.classList.toggle("flip", x > BOARD.width * 0.8); // the name stays on the board
  pointer.lastElementChild.textContent = name;
}

function remove(id) {
  shown.get(id)?.remove();
  shown.delete(id);
}
