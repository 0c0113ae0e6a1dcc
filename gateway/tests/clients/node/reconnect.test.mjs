// The reconnecting client of docs/websocket-or-socketio.md, as the page shows it.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";

import WebSocket, { WebSocketServer } from "ws";

import { post, within } from "./clients.mjs";
import { startGateway } from "./support.mjs";

const PAGE = new URL("../../../../docs/websocket-or-socketio.md", import.meta.url);
const HURRY = 50;

/** The page's `connect`, with waits that are shorter by `hurry`. Its sockets end with test `t`. */
async function connectOfThePage(t, hurry) {
  const blocks = (await readFile(PAGE, "utf8")).split("```js\n").slice(1).map((rest) => rest.split("```")[0]);
  const [code] = blocks.filter((block) => block.includes("function connect("));
  let over = false;
  const sockets = [];
  class Watched extends WebSocket {
    constructor(...args) {
      super(...args);
      this.on("error", () => {}); // told to the page's code by the close that follows
      sockets.push(this);
    }
  }
  const soon = (then, ms) => setTimeout(() => over || then(), ms / hurry);
  t.after(() => {
    over = true;
    sockets.forEach((socket) => socket.terminate());
  });
  const connect = new Function("WebSocket", "setTimeout", `${code}; return connect;`)(Watched, soon);
  return { connect, sockets };
}

/** What was called, in order: `take()` waits for the next. */
function calls() {
  const got = [];
  let waiting;
  return {
    put: (...call) => {
      got.push(call);
      waiting?.();
    },
    take: async () => {
      if (got.length === 0) await within(new Promise((resolve) => (waiting = resolve)), "a call");
      return got.shift();
    },
  };
}

test("it comes back after a stop, into its rooms, and stays away when told to", async (t) => {
  const gateway = await startGateway();
  t.after(() => gateway.alive && gateway.stop());
  const { connect, sockets } = await connectOfThePage(t, HURRY);
  const { put, take } = calls();
  connect(gateway.publicUrl.replace("http", "ws") + "/ws", () => ["a", "b"], {
    onReady: () => put("ready"),
    onEvent: ({ room, event, args }) => put(room, event, args),
    onEnd: (code) => put("end", code),
  });
  const publish = (n) => post(gateway, "/v1/publish", { to: { rooms: ["b"] }, event: "e", args: [n] });
  assert.deepEqual(await take(), ["ready"]);
  await publish(1);
  assert.deepEqual(await take(), ["b", "e", [1]]);

  assert.equal(await gateway.restart(), 0);
  assert.deepEqual(await take(), ["ready"]);
  await publish(2);
  assert.deepEqual(await take(), ["b", "e", [2]]);

  const count = sockets.length;
  await post(gateway, "/v1/disconnect", { select: { all: true }, reconnect: false });
  assert.deepEqual(await take(), ["end", 1008]);
  assert.equal(sockets.length, count);
});

test("it leaves a connection on which nothing is answered any more", async (t) => {
  const silent = new WebSocketServer({ host: "127.0.0.1", port: 0 });
  t.after(() => silent.close());
  const asked = calls();
  silent.on("connection", (socket) => {
    socket.send('{"type":"hello"}');
    socket.on("message", (data) => asked.put(JSON.parse(data)));
  });
  await within(new Promise((resolve) => silent.once("listening", resolve)), "listening");
  const { connect, sockets } = await connectOfThePage(t, 1_000);
  connect(`ws://127.0.0.1:${silent.address().port}/`, () => ["a"], { onReady() {}, onEvent() {}, onEnd() {} });
  const [subscribe] = await asked.take();
  assert.deepEqual(subscribe, { type: "subscribe", id: "rooms", rooms: ["a"] });
  const [question] = await asked.take();
  assert.equal(question.id, "alive");
  assert.deepEqual((await asked.take())[0], subscribe, "on a new connection");
  assert.ok(sockets.length >= 2);
});
