// What is tried across servers: operation × direction × format, and the code of each cell.
//
// The clients of a cell, new for each one: on the side that receives `a` (rooms `one` and `two`), `b` (room
// `two`) and `c` (no room); on the side that acts `d` (room `one`). A cell gets `{ act, receive, clients, one,
// two, three, servers }` and says what each client is to get: all of it, once, and nothing else.

import assert from "node:assert/strict";

import { next } from "./clients.mjs";
import { until } from "./cluster.mjs";

/** Who acts on whose clients. The last one is the measure: what stock servers do among themselves. */
export const DIRECTIONS = ["node → roomcast", "roomcast → node", "roomcast → roomcast", "node → node"];

const VALUES = ["€ \u{1f600}", 42, -1.5, true, null, { z: 1, a: [1, [2, { b: "c" }]] }];
const BINARY = [Buffer.from([0, 1, 2, 255]), { deep: [Buffer.from("text"), 7] }];

/** Emits to some, and says who is to get it. */
const emits = (to, receivers, args = VALUES) => async (cell) => {
  await cell.act.emit(to(cell), "event", ...args);
  return Object.fromEntries(receivers.map((name) => [name, [["event", ...args]]]));
};

/** Waits until the rooms of a connection are these; orders to other servers are not answered. */
function hasRooms(side, { id }, rooms) {
  const wanted = [...rooms].sort().join();
  return until(async () => (await side.roomsOf(id)).sort().join() === wanted, `rooms ${wanted}`);
}

/** An event among servers that everybody's other side hears, if it is one that has handlers. */
async function serverSide(cell) {
  const name = `server:${cell.one}`;
  const heard = cell.receive.onServerSide && next(cell.receive.io, name);
  await cell.act.serverSideEmit(name, ...VALUES);
  if (heard) assert.deepEqual(await heard, VALUES);
  // Roomcast has no handlers for it: what comes next arrives all the same.
  return emits(() => ({}), ["a", "b", "c", "d"])(cell);
}

async function serverSideWithAck(cell) {
  const name = `server:${cell.one}`;
  cell.receive.onServerSide?.(name, (value, answer) => answer({ got: value }));
  const answers = await cell.act.serverSideEmitWithAck(name, "value");
  // A server without a handler answers null instead of letting the asking one wait.
  const expected = cell.servers.map(({ kind }) => (kind === "node" ? { got: "value" } : null));
  assert.deepEqual(answers, expected);
  return {};
}

async function withAck(cell) {
  for (const name of ["a", "b"]) cell.clients[name].on("question", (value, answer) => answer({ [name]: value }));
  const answers = await cell.act.emitWithAck({ rooms: [cell.two] }, "question", "value");
  assert.deepEqual(answers.sort((x, y) => Object.keys(x)[0].localeCompare(Object.keys(y)[0])), [{ a: "value" }, { b: "value" }]);
  const asked = ["question", "value"];
  return { a: [asked], b: [asked] };
}

async function withAckOfNobody(cell) {
  assert.deepEqual(await cell.act.emitWithAck({ rooms: [cell.three] }, "question", "value"), []);
  return {};
}

async function fetches(cell) {
  const found = await cell.act.fetchSockets(cell.two, cell.receive);
  const shown = found.map(({ id, rooms }) => ({ id, rooms: rooms.sort() })).sort((x, y) => x.id.localeCompare(y.id));
  const { a, b } = cell.clients;
  const expected = [
    { id: a.id, rooms: [cell.one, cell.two].sort() },
    { id: b.id, rooms: [cell.two] },
  ].sort((x, y) => x.id.localeCompare(y.id));
  assert.deepEqual(shown, expected);
  return {};
}

async function joins(cell) {
  await cell.act.join({ rooms: [cell.two] }, [cell.three]);
  const { a, b } = cell.clients;
  await hasRooms(cell.receive, a, [cell.one, cell.two, cell.three]);
  await hasRooms(cell.receive, b, [cell.two, cell.three]);
  await cell.receive.live(cell.three);
  return emits(({ three }) => ({ rooms: [three] }), ["a", "b"])(cell);
}

async function leaves(cell) {
  await cell.act.leave({ rooms: [cell.one] }, [cell.two]);
  await hasRooms(cell.receive, cell.clients.a, [cell.one]);
  return emits(({ two }) => ({ rooms: [two] }), ["b"])(cell);
}

async function disconnects(cell) {
  const { a, b } = cell.clients;
  const gone = Promise.all([next(a, "disconnect"), next(b, "disconnect")]);
  await cell.act.disconnect({ rooms: [cell.two] });
  assert.deepEqual((await gone).map(([reason]) => reason), ["io server disconnect", "io server disconnect"]);
  // `a` and `b` get nothing any more, not even the end of the cell.
  return { a: undefined, b: undefined };
}

/** Operations and their code, the same in all directions. */
export const OPERATIONS = {
  "broadcast to all": emits(() => ({}), ["a", "b", "c", "d"]),
  "broadcast to a room": emits(({ one }) => ({ rooms: [one] }), ["a", "d"]),
  "broadcast to rooms": emits(({ one, two }) => ({ rooms: [one, two] }), ["a", "b", "d"]),
  "broadcast to a private room": emits(({ clients }) => ({ connections: [clients.a.id] }), ["a"]),
  except: emits(({ one }) => ({ except: [one] }), ["b", "c"]),
  "room except a room": emits(({ one, two }) => ({ rooms: [two], except: [one] }), ["b"]),
  binary: emits(({ one }) => ({ rooms: [one] }), ["a", "d"], BINARY),
  volatile: emits(({ one }) => ({ rooms: [one], volatile: true }), ["a", "d"]),
  "with ack": withAck,
  "with ack of nobody": withAckOfNobody,
  fetchSockets: fetches,
  join: joins,
  leave: leaves,
  disconnect: disconnects,
  serverSideEmit: serverSide,
  "serverSideEmit with ack": serverSideWithAck,
};

/** Cells that cannot be, and why. Everything else is tried, in every format. */
export const NO_SUCH_CELL = {
  "serverSideEmit | roomcast → node": "Roomcast has no code of an application, and its API no such call",
  "serverSideEmit | roomcast → roomcast": "the same",
  "serverSideEmit with ack | roomcast → node": "the same",
  "serverSideEmit with ack | roomcast → roomcast": "the same",
};

/** All cells of the axes: `{ operation, direction, run }`, or an error for one without code or without need. */
export function cells(operations = OPERATIONS, directions = DIRECTIONS, none = NO_SUCH_CELL) {
  const left = new Set(Object.keys(none));
  const all = [];
  for (const operation of Object.keys(operations)) {
    for (const direction of directions) {
      if (left.delete(`${operation} | ${direction}`)) continue;
      const run = operations[operation];
      if (typeof run !== "function") throw new Error(`the cell "${operation} | ${direction}" is empty`);
      all.push({ operation, direction, run });
    }
  }
  if (left.size > 0) throw new Error(`no cells of the axes: ${[...left]}`);
  return all;
}
