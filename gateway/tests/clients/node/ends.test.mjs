// How connections end: by a backend, by a restart, by a version that is not spoken.

import assert from "node:assert/strict";
import { test } from "node:test";

import { TRANSPORTS, VERSIONS, ask, client, connected, next, post, ready, settled, within } from "./clients.mjs";
import { startGateway } from "./support.mjs";

/** A gateway for one test. */
async function started(t, settings) {
  const gateway = await startGateway(settings);
  t.after(() => gateway.stop());
  return gateway;
}

for (const { name: version, io } of VERSIONS) {
  test(`${version}: a backend disconnects clients for good, or to come back`, async (t) => {
    const gateway = await started(t);
    for (const transport of TRANSPORTS) {
      const { name, transports } = transport;
      const socket = await connected(t, io, gateway.publicUrl, { transports });
      await settled(socket, transport);
      const id = socket.id;

      const back = ready(socket);
      const gone = next(socket, "disconnect");
      const order = { select: { connections: [id] }, reconnect: true };
      const { status, body } = await post(gateway, "/v1/disconnect", order);
      assert.equal(status, 200, JSON.stringify(body));
      // Whoever polls learns it from an answer that is an error.
      assert.equal((await gone)[0], name === "polling" ? "transport error" : "transport close", name);
      await back;
      assert.notEqual(socket.id, id);

      await ask(socket, "subscribe", `kick:${name}`);
      const kicked = next(socket, "disconnect");
      const attempts = [];
      socket.io.on("reconnect_attempt", () => attempts.push("attempt"));
      await post(gateway, "/v1/disconnect", { select: { rooms: [`kick:${name}`] }, reconnect: false });
      assert.equal((await kicked)[0], "io server disconnect", name);
      // The connection itself is still there, without a socket: the client has no reason to come back.
      assert.equal(socket.active ?? socket.connected, false, name);
      assert.deepEqual(attempts, [], name);
      socket.connect();
      await ready(socket);
    }
  });

  test(`${version}: clients come back after a restart and subscribe again`, async (t) => {
    const gateway = await started(t);
    const here = "restart";
    const clients = TRANSPORTS.map((transport) => {
      const socket = client(t, io, gateway.publicUrl, { transports: transport.transports });
      const reasons = [];
      socket.on("disconnect", (reason) => reasons.push(reason));
      // As an application does it: in the handler, for every connection anew.
      const subscriptions = [];
      let more;
      socket.on("connect", () => socket.emit("subscribe", here, (answer) => (subscriptions.push(answer.ok), more?.())));
      const subscribed = (times) =>
        within(new Promise((resolve) => (more = () => subscriptions.length >= times && resolve())), `${transport.name}: subscribed`);
      return { transport, socket, reasons, subscribed };
    });
    await Promise.all(clients.map(({ subscribed }) => subscribed(1)));
    await Promise.all(clients.map(({ socket, transport }) => settled(socket, transport)));
    const ids = clients.map(({ socket }) => socket.id);

    const again = Promise.all(clients.map(({ subscribed }) => subscribed(2)));
    assert.equal(await gateway.restart(), 0);
    await again;
    clients.forEach(({ socket, reasons, transport }, n) => {
      assert.notEqual(socket.id, ids[n]);
      assert.equal(reasons.length, 1, `${transport.name}: ${reasons}`);
      assert.match(reasons[0], /^transport (close|error)$/, transport.name);
    });

    const arrived = Promise.all(clients.map(({ socket }) => next(socket, "back")));
    assert.equal((await post(gateway, "/v1/publish", { to: { rooms: [here] }, event: "back", args: [1] })).status, 202);
    assert.deepEqual(await arrived, clients.map(() => [1]));
  });

  test(`${version}: clients come back after a crash`, async (t) => {
    const gateway = await started(t);
    const sockets = await Promise.all(
      TRANSPORTS.map(({ transports }) => connected(t, io, gateway.publicUrl, { transports })),
    );
    // A client that is cut off amid its upgrade may notice by its heartbeat only, after 45 s.
    await Promise.all(sockets.map((socket, n) => settled(socket, TRANSPORTS[n])));
    const back = Promise.all(sockets.map((socket) => within(new Promise((resolve) => socket.once("connect", resolve)), "connect")));
    await gateway.kill();
    await gateway.launchAgain();
    await back;
  });

  test(`${version}: heartbeats come at their interval and keep idle clients`, async (t) => {
    const gateway = await started(t, { "socket_io.ping_interval_ms": 100, "socket_io.ping_timeout_ms": 20_000 });
    for (const transport of TRANSPORTS) {
      const socket = await connected(t, io, gateway.publicUrl, { transports: transport.transports });
      const { id } = socket;
      // Far less than the time that a pong may take.
      for (let pings = 0; pings < 5; ) {
        const [packet] = await next(socket.io.engine, "packet");
        if (packet.type === "ping") pings++;
      }
      assert.equal(socket.id, id, "still the first connection");
      socket.close();
    }
  });
}

test("clients of Socket.IO 1 and 2 are told that their version is not spoken", async (t) => {
  const gateway = await started(t);
  const answer = await fetch(`${gateway.publicUrl}/socket.io/?EIO=3&transport=polling`);
  assert.equal(answer.status, 400);
  assert.deepEqual(await answer.json(), { code: 5, message: "Unsupported protocol version" });
});
