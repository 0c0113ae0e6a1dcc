// Rooms by a stock client: subscribe, unsubscribe, publish, and what is refused.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { TRANSPORTS, VERSIONS, ask, client, connected, next, post, within } from "./clients.mjs";
import { startGateway } from "./support.mjs";

let gateway;
before(async () => (gateway = await startGateway({ "limits.rooms_per_connection_max": 5, "node.shards": 4 })));
after(() => gateway.stop());

let names = 0;
/** A room that no other test uses. */
const room = () => `room:${++names}`;

for (const { name: version, io } of VERSIONS) {
  const connect = (t, options = {}) => connected(t, io, gateway.publicUrl, { transports: ["websocket"], ...options });

  for (const { name, transports } of TRANSPORTS) {
    test(`${version}, ${name}: a publication over HTTP reaches the members`, async (t) => {
      const [a, b] = await Promise.all([connect(t, { transports }), connect(t, { transports })]);
      const here = room();
      assert.deepEqual(await ask(a, "subscribe", here), { ok: true, rooms: [here] });
      assert.deepEqual(await ask(b, "subscribe", [here, room()]), { ok: true, rooms: [here, `room:${names}`] });
      const arrived = Promise.all([next(a, "news"), next(b, "news")]);
      const { status, body } = await post(gateway, "/v1/publish", {
        to: { rooms: [here] },
        event: "news",
        args: ["€", { n: 1.0 }, { _placeholder: true, num: 0 }],
        attachments: ["AAEC/w=="],
      });
      assert.equal(status, 202);
      assert.equal(body.position, null);
      const expected = ["€", { n: 1 }, Buffer.from([0, 1, 2, 0xff])];
      assert.deepEqual(await arrived, [expected, expected]);
    });
  }

  test(`${version}: what one client publishes the others receive, in order`, async (t) => {
    const [a, b] = await Promise.all([connect(t), connect(t, { transports: ["polling"] })]);
    const here = room();
    await Promise.all([ask(a, "subscribe", here), ask(b, "subscribe", here)]);
    const got = [];
    const all = new Promise((resolve) => {
      b.on("tick", (n, bytes) => {
        got.push([n, [...bytes]]);
        if (got.length === 50) resolve();
      });
    });
    for (let n = 0; n < 49; n++) a.emit("publish", here, "tick", n, Buffer.from([n]));
    assert.deepEqual(await ask(a, "publish", here, "tick", 49, Buffer.from([49])), { ok: true });
    await within(all, "all events");
    assert.deepEqual(got, Array.from({ length: 50 }, (_, n) => [n, [n]]));
  });

  test(`${version}: after unsubscribing nothing comes any more`, async (t) => {
    const [a, b] = await Promise.all([connect(t), connect(t)]);
    const here = room();
    await Promise.all([ask(a, "subscribe", here), ask(b, "subscribe", here)]);
    assert.deepEqual(await ask(a, "unsubscribe", here), { ok: true, rooms: [here] });
    assert.deepEqual(await ask(a, "unsubscribe", [here]), { ok: true, rooms: [here] });
    a.on("late", () => assert.fail("received after unsubscribing"));
    const arrived = next(b, "late");
    assert.equal((await ask(b, "publish", here, "late")).ok, true);
    await arrived;
    // A delivery to `a` would be before this answer.
    assert.equal((await ask(a, "unsubscribe", here)).ok, true);
  });

  test(`${version}: refusals name code and room, and nothing of the request is done`, async (t) => {
    const socket = await connect(t);
    const here = room();
    const refused = async (event, ...args) => {
      const { ok, error } = await ask(socket, event, ...args);
      assert.equal(ok, false);
      assert.equal(typeof error.message, "string");
      return [error.code, error.room];
    };
    assert.deepEqual(await refused("subscribe", "~x"), ["forbidden", "~x"]);
    assert.deepEqual(await refused("subscribe", [here, "~user:1"]), ["forbidden", "~user:1"]);
    assert.deepEqual(await refused("subscribe", "a\u0007b"), ["room_name_invalid", "a\u0007b"]);
    assert.deepEqual(await refused("subscribe", ""), ["room_name_invalid", ""]);
    assert.equal((await refused("subscribe", "x".repeat(256)))[0], "room_name_invalid");
    assert.equal((await refused("subscribe", ["1", "2", "3", "4", "5", "6"]))[0], "too_many_rooms");
    for (const wrong of [42, null, [], [1], {}]) {
      assert.deepEqual(await refused("subscribe", wrong), ["invalid_request", undefined]);
    }
    assert.deepEqual(await refused("unsubscribe", "~x"), ["forbidden", "~x"]);
    assert.deepEqual(await refused("publish", "~x", "e"), ["forbidden", "~x"]);
    assert.deepEqual(await refused("publish", "a\nb", "e"), ["room_name_invalid", "a\nb"]);
    assert.deepEqual(await refused("publish"), ["invalid_request", undefined]);
    assert.deepEqual(await refused("publish", here), ["invalid_request", undefined]);
    assert.deepEqual(await refused("publish", here, "disconnect"), ["invalid_request", undefined]);
    assert.deepEqual(await refused("message", 1), ["no_backend", undefined]);
    socket.on("quiet", () => assert.fail("subscribed to a part of a refused request"));
    assert.deepEqual(await ask(socket, "publish", here, "quiet"), { ok: true });
    assert.equal((await ask(socket, "subscribe", ["1", "2", "3", "4", "5"])).ok, true);
    assert.equal((await refused("subscribe", "6"))[0], "too_many_rooms");
    assert.equal((await ask(socket, "subscribe", "5")).ok, true, "one that it has already");
    assert.equal((await ask(socket, "unsubscribe", "5")).ok, true);
    assert.equal((await ask(socket, "subscribe", ["5", "5"])).ok, true, "named twice, it counts once");
  });

  test(`${version}: without an acknowledgement a refusal is an event`, async (t) => {
    const socket = await connect(t);
    for (const [event, arg, code] of [
      ["subscribe", "~x", "forbidden"],
      ["unsubscribe", 7, "invalid_request"],
      ["publish", "~y", "invalid_request"],
      ["anything", 1, "no_backend"],
    ]) {
      const refusal = next(socket, "roomcast:error");
      socket.emit(event, arg);
      const [error] = await refusal;
      assert.equal(error.code, code, event);
    }
  });

  test(`${version}: the room of one's own id is one's own`, async (t) => {
    const a = await connect(t);
    // Enough to be on other shards too.
    const others = await Promise.all(Array.from({ length: 10 }, () => connect(t)));
    for (const { id } of others) {
      const { ok, error } = await ask(a, "subscribe", id);
      assert.deepEqual([ok, error?.code, error?.room], [false, "forbidden", id]);
    }
    assert.equal((await ask(a, "subscribe", a.id)).ok, true);
    const [b] = others;
    const arrived = next(b, "private");
    assert.equal((await post(gateway, "/v1/publish", { to: { rooms: [b.id] }, event: "private", args: [1] })).status, 202);
    assert.deepEqual(await arrived, [1]);
  });

  test(`${version}: an event sent the instant that the connect answer arrives is handled`, async (t) => {
    const here = room();
    const clients = Array.from({ length: 200 }, (_, n) => {
      const { transports } = TRANSPORTS[n % TRANSPORTS.length];
      const socket = client(t, io, gateway.publicUrl, { transports });
      const answered = new Promise((resolve, reject) => {
        socket.once("connect_error", reject);
        socket.once("connect", () => socket.emit("subscribe", here, resolve));
      });
      return { socket, answered };
    });
    const answers = await within(Promise.all(clients.map(({ answered }) => answered)), "all answers", 30_000);
    answers.forEach((answer) => assert.deepEqual(answer, { ok: true, rooms: [here] }));
    const all = Promise.all(clients.map(({ socket }) => next(socket, "all")));
    assert.equal((await post(gateway, "/v1/publish", { to: { rooms: [here] }, event: "all", args: [] })).status, 202);
    await all;
  });
}
