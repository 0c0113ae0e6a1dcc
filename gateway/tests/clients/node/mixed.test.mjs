// Roomcast nodes and stock Node servers in one cluster: each operation, in each direction, in each format.

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";

import { Emitter } from "@socket.io/redis-emitter";
import { createClient } from "redis";
import { io } from "socket.io-client";

import { ask, connected, within } from "./clients.mjs";
import { nodeSide, roomcastSide, until } from "./cluster.mjs";
import { OPERATIONS, cells } from "./mixed-table.mjs";
import { FORMATS } from "./peers.mjs";
import { startRedis } from "./redis.mjs";

/** A part of a direction's name, such as `node → node`, to look at only that while working on it. */
const ONLY = process.env.ROOMCAST_TEST_MIXED ?? "";

test("a table with an empty cell, or a reason for nothing, fails", () => {
  const axes = [["here"], { "x | here": "why" }];
  assert.deepEqual(cells({ x: undefined }, ...axes), []);
  assert.throws(() => cells({ x: undefined }, ["here", "there"], axes[1]), /"x \| there" is empty/);
  assert.throws(() => cells({ y: () => {} }, ...axes), /no cells of the axes: x \| here/);
  assert.equal(cells().length, Object.keys(OPERATIONS).length * 4 - 4);
});

let names = 0;

/** A client that keeps every event it gets. */
async function listener(t, side, rooms, transports) {
  const socket = await connected(t, io, side.publicUrl, { transports });
  const got = [];
  socket.onAny((...event) => got.push(event.filter((value) => typeof value !== "function")));
  if (rooms.length > 0) assert.equal((await ask(socket, "subscribe", rooms)).ok, true);
  return { socket, got };
}

/** Runs one cell: what each client gets, up to a last event that everybody gets after it. */
async function runCell(t, { run }, act, receive, servers) {
  const number = ++names;
  const [one, two, three] = ["one", "two", "three"].map((name) => `${name}:${number}`);
  const listeners = {
    a: await listener(t, receive, [one, two], ["websocket"]),
    b: await listener(t, receive, [two], ["polling"]),
    c: await listener(t, receive, [], ["websocket"]),
    d: await listener(t, act, [one], ["websocket"]),
  };
  const clients = Object.fromEntries(Object.entries(listeners).map(([name, { socket }]) => [name, socket]));
  const expected = await run({ act, receive, clients, one, two, three, servers });

  const last = ["last", number];
  const staying = Object.keys(listeners).filter((name) => !(name in expected) || expected[name] !== undefined);
  const arrived = Promise.all(
    staying.map((name) => within(new Promise((resolve) => clients[name].once("last", resolve)), `${name}: the last event`)),
  );
  await act.emit({}, ...last);
  await arrived;
  for (const name of staying) {
    assert.deepEqual(listeners[name].got, [...(expected[name] ?? []), last], `what ${name} got`);
  }
  for (const { socket } of Object.values(listeners)) socket.close();
}

const SIDES = { node: nodeSide, roomcast: roomcastSide };

/** The servers of a cluster: one acts, one receives, the others take part. */
const CLUSTERS = {
  "node → roomcast": ["node", "roomcast", "roomcast"],
  "roomcast → node": ["roomcast", "node", "roomcast"],
  "roomcast → roomcast": ["roomcast", "roomcast", "node"],
  "node → node": ["node", "node"],
};

for (const format of FORMATS) {
  for (const [direction, kinds] of Object.entries(CLUSTERS).filter(([name]) => name.includes(ONLY))) {
    describe(`${format.name}, ${direction}`, () => {
      let redis;
      let sides = [];
      before(async () => {
        redis = await startRedis();
        sides = await Promise.all(kinds.map((kind) => SIDES[kind](redis, format)));
      });
      after(async () => {
        await Promise.all(sides.map((side) => side.stop()));
        await redis.stop();
      });

      for (const cell of cells().filter((cell) => cell.direction === direction)) {
        test(cell.operation, async (t) => {
          const [act, receive] = sides;
          await runCell(t, cell, act, receive, sides.slice(1));
        });
      }

      test("what a client publishes", async (t) => {
        const [act, receive] = sides;
        const room = `client:${++names}`;
        const a = await listener(t, receive, [room], ["websocket"]);
        const d = await listener(t, act, [room], ["websocket"]);
        for (let number = 0; number < 20; number++) d.socket.emit("publish", room, "tick", number, Buffer.from([number]));
        const last = Promise.all([a, d].map(({ socket }) => within(new Promise((resolve) => socket.once("last", resolve)), "last")));
        assert.deepEqual(await ask(d.socket, "publish", room, "last"), { ok: true });
        await last;
        const expected = Array.from({ length: 20 }, (_, number) => ["tick", number, Buffer.from([number])]);
        for (const { got } of [a, d]) assert.deepEqual(got, [...expected, ["last"]]);
      });
    });
  }
}

describe("@socket.io/redis-emitter", () => {
  const [classic] = FORMATS;
  const kinds = ["roomcast", "node"].filter((kind) => kind.includes(ONLY.split(" ")[0]));
  let redis;
  let sides;
  let client;
  let emitter;
  before(async () => {
    redis = await startRedis();
    sides = await Promise.all(kinds.map((kind) => SIDES[kind](redis, classic)));
    client = createClient({ url: redis.url });
    await client.connect();
    emitter = new Emitter(client);
  });
  after(async () => {
    await client.close();
    await Promise.all(sides.map((side) => side.stop()));
    await redis.stop();
  });

  kinds.forEach((kind, index) => {
    test(`publishes to clients of ${kind}`, async (t) => {
      const side = sides[index];
      const number = ++names;
      const [one, two] = [`one:${number}`, `two:${number}`];
      const a = await listener(t, side, [one, two], ["websocket"]);
      const b = await listener(t, side, [two], ["polling"]);
      const last = Promise.all([a, b].map(({ socket }) => within(new Promise((resolve) => socket.once("last", resolve)), "last")));
      emitter.emit("all", 1);
      emitter.to(one).emit("room", "€", { n: [1.5] });
      emitter.to([one, two]).emit("rooms", Buffer.from([1, 2]));
      emitter.to(two).except(one).emit("except");
      emitter.to(a.socket.id).emit("private");
      emitter.emit("last");
      await last;
      const all = [["all", 1]];
      const rooms = [["rooms", Buffer.from([1, 2])]];
      assert.deepEqual(a.got, [...all, ["room", "€", { n: [1.5] }], ...rooms, ["private"], ["last"]]);
      assert.deepEqual(b.got, [...all, ...rooms, ["except"], ["last"]]);
    });

    test(`orders clients of ${kind} to join, leave and go`, async (t) => {
      const side = sides[index];
      const number = ++names;
      const [one, two] = [`one:${number}`, `two:${number}`];
      const { socket } = await listener(t, side, [one], ["websocket"]);
      const rooms = (wanted) =>
        until(async () => (await side.roomsOf(socket.id)).sort().join() === wanted.join(), `rooms ${wanted}`);
      emitter.in(one).socketsJoin(two);
      await rooms([one, two]);
      emitter.in(two).socketsLeave(one);
      await rooms([two]);
      const gone = within(new Promise((resolve) => socket.once("disconnect", resolve)), "disconnect");
      emitter.in(two).disconnectSockets(false);
      assert.equal(await gone, "io server disconnect");
    });
  });
});
