// A whiteboard: wet ink and cursors go from page to page as they move, dropped rather than
// late; a finished stroke goes to the backend, and is dry when the backend says so.

import { connect, hint } from "/shared/gateway.js";
import { me, nameField } from "/shared/me.js";
import { People, showPeople } from "/shared/people.js";
import { showCursor, showCursors } from "/board/cursors.js";
import { Layer, place } from "/board/ink.js";
import { Store } from "/board/store.js";
import { tools } from "/board/tools.js";

const ROOM = "board";
const SEND_EVERY_MS = 40;
const RETRY_MS = 2_000;
const DRAFT_MS = 4_000;     // how long wet ink stays whose end nobody heard of
const DRAFTS_MAX = 100;
const UNSAVED_MAX = 20;
const NUMBERS_MAX = 8_000;  // a stroke of more points goes on as another one

const $ = (id) => document.getElementById(id);
const dry = new Layer($("ink"));
const wet = new Layer($("wet"));
const mine = new Map();     // id → stroke: drawn here, not dry yet
const drafts = new Map();   // id → stroke of somebody else, and when it was last heard of
let drawing;                // { pointer, stroke, sent }
let wetIsOld = true;
let lastSent = 0;

const store = new Store((stroke) => {
  if (stroke) dry.draw(stroke);
  else redraw();
  for (const id of store.strokes.keys()) {
    if (mine.delete(id) | drafts.delete(id)) wetIsOld = true;
  }
  describe();
});
const socket = connect({
  rooms: () => [ROOM],
  onReady: () => (people.say("joined"), store.load()),
  onAway: () => people.clear(),
});
const people = new People(socket, () => ROOM, { onChange: () => (showPeople(people.others), showCursors(people.others)) });

socket.on("changes", (news) => store.take(news));
people.on("cursor", ({ x, y }, person) => showCursor(person, x, y));
people.on("draft", ({ stroke, x, y }, person) => {
  showCursor(person, x, y);
  const draft = drafts.get(stroke?.id) ?? { ...stroke, points: [] };
  if (!Array.isArray(stroke?.points) || store.strokes.has(stroke.id) || drafts.size >= DRAFTS_MAX) return;
  draft.points.push(...stroke.points.slice(0, NUMBERS_MAX - draft.points.length));
  draft.until = Date.now() + DRAFT_MS;
  drafts.set(stroke.id, draft);
  wetIsOld = true;
});

// --- drawing

$("wet").addEventListener("pointerdown", (event) => {
  if (event.button !== 0 || drawing || mine.size >= UNSAVED_MAX) return;
  $("wet").setPointerCapture(event.pointerId);
  begin(event);
  event.preventDefault();
});
$("wet").addEventListener("pointermove", (event) => {
  if (drawing?.pointer === event.pointerId) {
    // A fast hand makes several points between two frames.
    const all = event.getCoalescedEvents?.() ?? [];
    for (const each of all.length ? all : [event]) drawing.stroke.points.push(...place(each, $("wet")));
    wetIsOld = true;
    if (drawing.stroke.points.length >= NUMBERS_MAX - 100) end(), begin(event);
  }
  send(event);
});
for (const kind of ["pointerup", "pointercancel"]) {
  $("wet").addEventListener(kind, (event) => drawing?.pointer === event.pointerId && end());
}
$("wet").addEventListener("pointerleave", () => drawing || hint(socket, ROOM, "cursor", people.about()));

function begin(event) {
  const stroke = { id: crypto.randomUUID(), by: me.id, ...tools.pen(), points: place(event, $("wet")) };
  mine.set(stroke.id, stroke);
  drawing = { pointer: event.pointerId, stroke, sent: 0 };
  wetIsOld = true;
  describe();
}

function end() {
  const { stroke } = drawing;
  drawing = undefined;
  save(stroke);
}

/** Tells the others where the pen is, and what it has drawn since. */
function send(event) {
  if (Date.now() - lastSent < SEND_EVERY_MS) return;
  lastSent = Date.now();
  const [x, y] = place(event, $("wet"));
  if (!drawing) return hint(socket, ROOM, "cursor", people.about({ x, y }));
  const { stroke, sent } = drawing;
  hint(socket, ROOM, "draft", people.about({ x, y, stroke: { ...stroke, points: stroke.points.slice(sent) } }));
  drawing.sent = stroke.points.length;
}

/** Hands a stroke to the backend until it has taken it; the same id makes repeats harmless. */
async function save(stroke) {
  while (mine.has(stroke.id)) {
    try {
      await store.change({ type: "stroke", stroke });
      // Without the gateway nobody tells us that it is dry now.
      if (!socket.connected) store.load();
      return tools.say("");
    } catch (error) {
      if (error.final) {
        mine.delete(stroke.id);
        wetIsOld = true;
        return tools.say(`Not saved: ${error.message}.`);
      }
      tools.say(`${mine.size} not saved yet, trying again…`);
      await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
    }
  }
}

tools.onUndo(() => {
  const last = [...store.strokes.values()].findLast((stroke) => stroke.by === me.id);
  if (last) change({ type: "undo", id: last.id, by: me.id });
});
tools.onClear(() => change({ type: "clear" }));

async function change(what) {
  try {
    await store.change(what);
    if (!socket.connected) await store.load();
  } catch (error) {
    tools.say(`Not done: ${error.message}.`);
  }
}

// --- showing

function redraw() {
  dry.clear();
  store.strokes.forEach((stroke) => dry.draw(stroke));
  wetIsOld = true;
}

function describe() {
  $("empty").hidden = store.strokes.size + mine.size > 0;
  $("ink").setAttribute("aria-label", `The whiteboard: ${store.strokes.size} strokes`);
  $("undo").disabled = ![...store.strokes.values()].some((stroke) => stroke.by === me.id);
  $("clear").disabled = store.strokes.size === 0;
}

function frame() {
  for (const [id, { until }] of drafts) {
    if (until < Date.now()) wetIsOld = drafts.delete(id);
  }
  if (wetIsOld) {
    wet.clear();
    for (const stroke of [...drafts.values(), ...mine.values()]) wet.draw(stroke);
    wetIsOld = false;
  }
  requestAnimationFrame(frame);
}

new ResizeObserver(redraw).observe($("paper"));
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
nameField((before) => people.say("renamed", { before }));
showPeople(people.others);
describe();
frame();
