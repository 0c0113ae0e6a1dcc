// Three nodes behind a balancer that gives every request to the next one, without any stickiness: clients that
// only poll, and clients that change over to WebSocket, notice nothing of it.

import assert from "node:assert/strict";
import { Agent } from "node:http";
import { after, before, describe, test } from "node:test";

import { io } from "socket.io-client";

import { ask, post, within } from "./clients.mjs";
import { roomcastSide, until } from "./cluster.mjs";
import { startHaproxy } from "./haproxy.mjs";
import { FORMATS } from "./peers.mjs";
import { startRedis } from "./redis.mjs";
import { startGateway } from "./support.mjs";

const LONG = process.env.ROOMCAST_TEST_LONG !== undefined;
/** Of each kind: clients, and what each of them does at least. */
const SIZE = LONG
  ? { clients: 300, polls: 200, posts: 50, pings: 10, pingIntervalMs: 2000, tickMs: 250, deadlineMs: 600_000 }
  : { clients: 30, polls: 20, posts: 10, pings: 2, pingIntervalMs: 1000, tickMs: 50, deadlineMs: 60_000 };
const NODES = 3;
const CONNECT_AT_ONCE = 20;
const ROOM = "everybody";

/** A client that counts what it does, and keeps what it gets and what goes wrong. */
class Client {
  polls = 0;
  pings = 0;
  ticks = [];
  echoes = [];
  trouble = [];

  constructor(url, transports, agent) {
    this.socket = io(url, { transports, forceNew: true, reconnection: false, agent });
    this.transports = transports;
    const { socket } = this;
    socket.on("tick", (number) => this.ticks.push(number));
    socket.on("echo", (number) => this.echoes.push(number));
    socket.on("disconnect", (reason, details) => this.trouble.push(`${reason} ${told(details)}`));
    socket.on("connect_error", (error) => this.trouble.push(`${error.message} ${told(error)}`));
    socket.io.on("ping", () => this.pings++);
    socket.io.on("open", () => {
      const count = (transport) => transport.name === "polling" && transport.on("pollComplete", () => this.polls++);
      count(socket.io.engine.transport);
    });
  }

  async ready() {
    await within(
      new Promise((resolve, reject) => {
        this.socket.once("connect", resolve);
        this.socket.once("connect_error", reject);
      }),
      "connect",
    );
    assert.equal((await ask(this.socket, "subscribe", [ROOM, this.own])).ok, true);
  }

  get own() {
    return `own:${this.socket.id}`;
  }

  /** Whether it has done enough. */
  get done() {
    const polls = this.transports.length > 1 ? 0 : SIZE.polls;
    return this.trouble.length > 0 || (this.polls >= polls && this.pings >= SIZE.pings && this.echoes.length >= SIZE.posts);
  }

  /** Publishes to itself, one after the other, so that each is a request. */
  async talk() {
    for (let number = 0; number < SIZE.posts && this.trouble.length === 0; number++) {
      await ask(this.socket, "publish", this.own, "echo", number);
    }
  }
}

/** What the server said about an error, such as `Session ID unknown`. */
function told({ description, context } = {}) {
  return `${description ?? ""} ${context?.responseText ?? ""}`;
}

async function inTurns(items, atOnce, work) {
  const left = items[Symbol.iterator]();
  const worker = async () => {
    for (const item of left) await work(item);
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
}

/** Publishes numbers to everybody until all clients are done; gives how many. */
async function publishUntilDone(side, clients) {
  const end = Date.now() + SIZE.deadlineMs;
  let number = 0;
  while (!clients.every((client) => client.done)) {
    const undone = clients.filter((client) => !client.done);
    const { polls, pings, echoes } = undone[0];
    assert.ok(Date.now() < end, `${undone.length} clients are not done, one with ${polls} polls, ${pings} pings, ${echoes.length} echoes`);
    await side.emit({ rooms: [ROOM] }, "tick", number++);
    // Slow enough that each poll is answered before the next publication.
    await new Promise((resolve) => setTimeout(resolve, SIZE.tickMs));
  }
  return number;
}

/** Requests that the nodes forwarded to others, by their own counters. */
async function forwarded(sides) {
  let sum = 0;
  for (const { gateway } of sides) {
    const text = await (await fetch(`${gateway.internalUrl}/metrics`)).text();
    const lines = text.split("\n").filter((line) => line.startsWith("roomcast_forwarded_requests_total{"));
    assert.notEqual(lines.length, 0, "the counter exists from the start");
    for (const line of lines) if (line.includes('direction="out"')) sum += Number(line.split(" ").pop());
  }
  return sum;
}

/** All clients, connected: half of them only poll, the others upgrade. */
async function connectAll(t, url, keepAlive, clients = SIZE.clients) {
  const agent = new Agent({ keepAlive });
  const kinds = [["polling"], ["polling", "websocket"]];
  const all = kinds.flatMap((transports) => Array.from({ length: clients }, () => transports));
  const made = [];
  t.after(() => {
    made.forEach(({ socket }) => socket.close());
    agent.destroy();
  });
  await inTurns(all, CONNECT_AT_ONCE, async (transports) => {
    const client = new Client(url, transports, agent);
    made.push(client);
    await client.ready();
  });
  return made;
}

async function judgeRun(t, side, balancer, keepAlive) {
  const clients = await connectAll(t, balancer.publicUrl, keepAlive);
  // Both at once: whichever fails ends the test.
  const [published] = await Promise.all([publishUntilDone(side, clients), ...clients.map((client) => client.talk())]);
  await side.emit({ rooms: [ROOM] }, "tick", published);
  await until(() => clients.every(({ ticks, trouble }) => trouble.length > 0 || ticks.at(-1) === published), "the last number");
  const upTo = (count) => Array.from({ length: count }, (_, number) => number);
  const [numbers, own] = [upTo(published + 1), upTo(SIZE.posts)];
  for (const { trouble, ticks, echoes } of clients) {
    assert.deepEqual(trouble, []);
    assert.deepEqual(ticks, numbers);
    assert.deepEqual(echoes, own);
  }
  return clients;
}

for (const connections of ["keep-alive", "close"]) {
  describe(`three nodes, round robin, ${connections}`, () => {
    let redis;
    let sides = [];
    let balancer;
    before(async () => {
      redis = await startRedis();
      const settings = { "socket_io.ping_interval_ms": SIZE.pingIntervalMs };
      sides = await Promise.all(Array.from({ length: NODES }, () => roomcastSide(redis, FORMATS[0], settings)));
      balancer = await startHaproxy(sides, connections);
    });
    after(async () => {
      await balancer?.stop();
      await Promise.all(sides.map((side) => side.stop()));
      await redis.stop();
    });

    test("nobody notices that requests go to any node", { timeout: 2 * SIZE.deadlineMs }, async (t) => {
      const clients = await judgeRun(t, sides[0], balancer, connections === "keep-alive");
      const byNode = await balancer.requests();
      const total = byNode.reduce((sum, requests) => sum + requests, 0);
      const [least, most] = [Math.min(...byNode), Math.max(...byNode)];
      assert.ok(most - least <= 1 + total / 100, `the balancer is not even: ${byNode}`);
      // The first request of a client belongs to no session yet.
      const ofSessions = total - clients.length;
      const foreign = await forwarded(sides);
      t.diagnostic(`${foreign} of ${ofSessions} requests went through a foreign node`);
      assert.ok(foreign > ofSessions / 2, `${foreign} of ${ofSessions} requests went through a foreign node`);
    });
  });

  describe(`the measure, ${connections}`, () => {
    test("one node behind the same balancer serves the same clients", { timeout: 2 * SIZE.deadlineMs }, async (t) => {
      const gateway = await startGateway({ "socket_io.ping_interval_ms": SIZE.pingIntervalMs });
      const balancer = await startHaproxy([gateway], connections);
      t.after(async () => {
        await balancer.stop();
        await gateway.stop();
      });
      const emit = (to, event, ...args) => post(gateway, "/v1/publish", { to, event, args });
      await judgeRun(t, { emit }, balancer, connections === "keep-alive");
    });

    test("nodes that do not know of each other lose their sessions", async (t) => {
      const gateways = await Promise.all(Array.from({ length: NODES }, () => startGateway()));
      const balancer = await startHaproxy(gateways, connections);
      t.after(async () => {
        await balancer.stop();
        await Promise.all(gateways.map((gateway) => gateway.stop()));
      });
      const client = new Client(balancer.publicUrl, ["polling"], new Agent({ keepAlive: connections === "keep-alive" }));
      t.after(() => client.socket.close());
      await until(() => client.trouble.length > 0, "trouble");
      assert.match(client.trouble[0], /Session ID unknown/);
      const byNode = await balancer.requests();
      assert.equal(byNode.filter((requests) => requests > 0).length > 1, true, `all nodes are asked in turn: ${byNode}`);
    });
  });
}
