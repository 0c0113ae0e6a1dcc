// What clients exchange with a backend, in every version and over every transport.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { TRANSPORTS, VERSIONS, ask, client, connected, next, post, ready, settled, within } from "./clients.mjs";
import { startEcho } from "./support.mjs";

let echo;
before(async () => (echo = await startEcho()));
after(() => echo.stop());

const BINARY = Buffer.from([0, 1, 2, 0xff, 0x1e, 0x80]);
const NESTED = { list: [{ deep: BINARY, text: "€ 😀 \u0001" }], empty: Buffer.alloc(0), none: null };

for (const { name: version, io } of VERSIONS) {
  for (const transport of TRANSPORTS) {
    const title = `${version}, ${transport.name}`;
    const { transports } = transport;
    const connect = (t, path = "/", options = {}) => connected(t, io, echo.publicUrl + path, { transports, ...options });

    test(`${title}: text comes back`, async (t) => {
      const socket = await connect(t);
      const back = next(socket, "message-back");
      socket.emit("message", 1, "two", "€ 😀 \u001e", { three: [null, true, 1.5] });
      assert.deepEqual(await back, [1, "two", "€ 😀 \u001e", { three: [null, true, 1.5] }]);
      await settled(socket, transport);
      const again = next(socket, "message-back");
      socket.emit("message");
      assert.deepEqual(await again, []);
    });

    test(`${title}: binary comes back`, async (t) => {
      const socket = await connect(t);
      const back = next(socket, "message-back");
      socket.emit("message", BINARY, NESTED);
      assert.deepEqual(await back, [BINARY, NESTED]);
      await settled(socket, transport);
      assert.deepEqual(await ask(socket, "message-with-ack", NESTED, BINARY), [NESTED, BINARY]);
    });

    test(`${title}: a client's event is acknowledged`, async (t) => {
      const socket = await connect(t);
      assert.deepEqual(await ask(socket, "message-with-ack", 1, { two: 2 }), [1, { two: 2 }]);
      await settled(socket, transport);
      assert.equal(await ask(socket, "message-with-ack", "later"), "later");
    });

    test(`${title}: a client acknowledges a publication`, async (t) => {
      const socket = await connect(t, "/custom");
      socket.on("question", (n, bytes, answer) => answer({ n }, bytes));
      const question = {
        namespace: "/custom",
        to: { connections: [socket.id] },
        event: "question",
        args: [7, { _placeholder: true, num: 0 }],
        attachments: [BINARY.toString("base64")],
        ack: { timeout_ms: 10_000, want: "collect", limit: 10 },
      };
      for (const step of ["at once", "settled"]) {
        const { status, body } = await post(echo, "/v1/publish", question);
        assert.equal(status, 200, `${step}: ${JSON.stringify(body)}`);
        const { matched, acked, timed_out, replies } = body;
        assert.deepEqual({ matched, acked, timed_out }, { matched: 1, acked: 1, timed_out: 0 });
        assert.deepEqual(replies, [
          {
            connection: socket.id,
            args: [{ n: 7 }, { _placeholder: true, num: 0 }],
            attachments: [BINARY.toString("base64")],
          },
        ]);
        await settled(socket, transport);
      }
    });

    test(`${title}: two namespaces on one connection`, async (t) => {
      const socket = await connect(t);
      const custom = socket.io.socket("/custom");
      const auth = next(custom, "auth");
      if (!custom.connected) await ready(custom);
      assert.deepEqual(await auth, [{}]);
      assert.notEqual(custom.id, socket.id);
      assert.equal(custom.io.engine, socket.io.engine);
      const wrong = (...args) => assert.fail(`another namespace's event: ${args}`);
      socket.on("message-back", wrong);
      const back = next(custom, "message-back");
      custom.emit("message", "custom");
      assert.deepEqual(await back, ["custom"]);
      assert.equal(await ask(socket, "message-with-ack", "fence"), "fence");
      custom.disconnect();
      assert.equal(await ask(socket, "message-with-ack", "still here"), "still here");
    });

    test(`${title}: the auth payload arrives`, async (t) => {
      const auth = { token: "abc", nested: { n: [1, 2] }, text: "€" };
      const socket = client(t, io, echo.publicUrl, { transports, auth });
      assert.deepEqual(await next(socket, "auth"), [auth]);
    });

    test(`${title}: a refusal says why, and the client may try again`, async (t) => {
      const socket = client(t, io, echo.publicUrl, { transports, auth: { bad: 1 } });
      const [error] = await next(socket, "connect_error");
      assert.equal(error.message, "bad token");
      assert.deepEqual(error.data, { code: 7 });
      const { io: manager } = socket;
      socket.auth = { good: 1 };
      const auth = next(socket, "auth");
      socket.connect();
      await ready(socket);
      assert.deepEqual(await auth, [{ good: 1 }]);
      assert.equal(socket.io, manager);
    });

    test(`${title}: a namespace that nobody declared is refused`, async (t) => {
      const socket = client(t, io, `${echo.publicUrl}/nowhere`, { transports });
      const [error] = await next(socket, "connect_error");
      assert.equal(error.message, "Invalid namespace");
    });
  }

  test(`${version}: nothing is lost or reordered while the transport changes`, async (t) => {
    const socket = client(t, io, echo.publicUrl, { transports: ["polling", "websocket"] });
    const got = [];
    const COUNT = 300;
    const all = new Promise((resolve) => {
      socket.on("message-back", (n, bytes) => {
        got.push([n, bytes.length]);
        if (got.length === COUNT) resolve();
      });
    });
    const { engine } = socket.io;
    const [upgrading, upgraded] = [next(engine, "upgrading"), next(engine, "upgrade")];
    // Sent in bursts around every step of the change.
    const burst = (from, to) => {
      for (let n = from; n < to; n++) socket.emit("message", n, Buffer.alloc(n));
    };
    burst(0, 100);
    await upgrading;
    burst(100, 200);
    await upgraded;
    burst(200, COUNT);
    await within(all, "all answers");
    assert.deepEqual(got, Array.from({ length: COUNT }, (_, n) => [n, n]));
    assert.equal(engine.transport.name, "websocket");
  });
}
