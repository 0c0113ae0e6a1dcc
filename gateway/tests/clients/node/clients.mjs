// Stock clients for the tests: made, awaited with deadlines, closed after the test.

import { io as io4 } from "socket.io-client";
import socketIoClient3 from "socket.io-client-3";
import WebSocket from "ws";

const DEADLINE_MS = 15_000;

/** The clients of npm: `{ name, io }`. */
export const VERSIONS = [
  { name: "socket.io-client 4", io: io4 },
  { name: "socket.io-client 3", io: socketIoClient3.io },
];

/** Ways to connect; with `upgrade` the client polls first and then changes over. */
export const TRANSPORTS = [
  { name: "websocket", transports: ["websocket"], ends: "websocket" },
  { name: "polling", transports: ["polling"], ends: "polling" },
  { name: "upgrade", transports: ["polling", "websocket"], ends: "websocket" },
];

/** What `promise` gives, or an error that names `what` if it takes too long. */
export function within(promise, what, deadlineMs = DEADLINE_MS) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what}: not within ${deadlineMs} ms`)), deadlineMs);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

/** The arguments of the next `event` of an emitter. */
export function next(emitter, event) {
  return within(new Promise((resolve) => emitter.once(event, (...args) => resolve(args))), `event ${event}`);
}

/** A client that has not connected yet, on a connection of its own; closed after test `t`. */
export function client(t, io, url, options = {}) {
  const socket = io(url, { forceNew: true, reconnectionDelay: 20, reconnectionDelayMax: 200, ...options });
  t.after(() => socket.close());
  return socket;
}

/** A client that has connected. */
export async function connected(t, io, url, options = {}) {
  const socket = client(t, io, url, options);
  await ready(socket);
  return socket;
}

/** Waits until a client has connected; its refusal is an error. */
export function ready(socket) {
  return within(
    new Promise((resolve, reject) => {
      socket.once("connect", resolve);
      socket.once("connect_error", reject);
    }),
    "connect",
  );
}

/** Emits, and gives what the acknowledgement has: one value, or several as an array. */
export async function ask(socket, event, ...args) {
  const answer = new Promise((resolve) => socket.emit(event, ...args, (...values) => resolve(values)));
  const values = await within(answer, `acknowledgement of ${event}`);
  return values.length === 1 ? values[0] : values;
}

/** Waits until a client that may change over to WebSocket has done so. */
export async function settled(socket, transport) {
  const engine = socket.io.engine;
  while (engine.transport.name !== transport.ends) {
    await next(engine, "upgrade");
  }
}

/** POSTs to the API; gives status and body. */
export async function post(gateway, path, body) {
  const answer = await fetch(gateway.internalUrl + path, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
    signal: AbortSignal.timeout(2 * DEADLINE_MS),
  });
  return { status: answer.status, body: await answer.json() };
}

/** Reads the API; gives the body. */
export async function read(gateway, path) {
  const answer = await fetch(gateway.internalUrl + path, { signal: AbortSignal.timeout(DEADLINE_MS) });
  return answer.json();
}

/** A plain WebSocket that keeps what it gets: `message()`, `closed()`, `command(object)`. */
export function plain(t, gateway, target = "/ws", ...options) {
  const socket = new WebSocket(gateway.publicUrl.replace("http", "ws") + target, ...options);
  t.after(() => socket.terminate());
  const got = [];
  let waiting;
  socket.on("message", (data, isBinary) => {
    got.push(isBinary ? data : data.toString());
    waiting?.();
  });
  const closed = new Promise((resolve) => {
    socket.once("close", (code, reason) => resolve({ code, reason: reason.toString() }));
  });
  const raw = async () => {
    if (got.length === 0) await within(new Promise((resolve) => (waiting = resolve)), "message");
    return got.shift();
  };
  return {
    socket,
    raw,
    message: async () => JSON.parse(await raw()),
    closed: () => within(closed, "close"),
    command: (command) => socket.send(JSON.stringify(command)),
    opened: () => within(new Promise((resolve, reject) => socket.once("open", resolve).once("error", reject)), "open"),
  };
}
