// The plain protocol with a bare WebSocket: docs/protocol.md.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { connected, next, plain, post, read, within, VERSIONS, ask } from "./clients.mjs";
import { startEcho, startGateway } from "./support.mjs";

let gateway;
let echo;
before(async () => {
  [gateway, echo] = await Promise.all([
    startGateway({ "limits.rooms_per_connection_max": 5, "limits.message_bytes_max": 10_000 }),
    startEcho({ "websocket.ping_interval_ms": 50, "websocket.ping_timeout_ms": 20_000 }),
  ]);
});
after(() => Promise.all([gateway.stop(), echo.stop()]));

let names = 0;
const room = () => `plain:${++names}`;
const BYTES = "AAEC/w==";
const BINARY = { args: [{ _placeholder: true, num: 0 }], attachments: [BYTES] };

/** A connection that has been greeted, and its hello. */
async function greeted(t, target = "/ws", ...options) {
  const client = plain(t, gateway, target, ...options);
  const hello = await client.message();
  const call = async (command) => {
    client.command(command);
    return client.message();
  };
  return { ...client, hello, call };
}

test("the server says hello first", async (t) => {
  const { hello } = await greeted(t);
  const { id, ...rest } = hello;
  assert.match(id, /^[\w-]{20}$/);
  assert.deepEqual(rest, { type: "hello", protocol: 1, ping_interval_ms: 25_000, message_bytes_max: 10_000 });
});

test("the subprotocol is agreed on when it is offered", async (t) => {
  const offered = plain(t, gateway, "/ws", ["other", "roomcast.v1"]);
  await offered.opened();
  assert.equal(offered.socket.protocol, "roomcast.v1");
  assert.equal((await offered.message()).type, "hello");
  const silent = plain(t, gateway, "/ws");
  await silent.opened();
  assert.equal(silent.socket.protocol, "");
});

test("a namespace is chosen in the query", async (t) => {
  const refused = plain(t, gateway, "/ws?namespace=/nowhere");
  await assert.rejects(refused.opened(), /404/);
  const custom = plain(t, echo, "/ws?namespace=%2Fcustom");
  const hello = await custom.message();
  const { items } = await read(echo, "/v1/connections?namespace=/custom");
  assert.ok(items.some(({ id }) => id === hello.id), JSON.stringify(items));
});

test("rooms: subscribe, publish, unsubscribe", async (t) => {
  const { message, command, call, hello } = await greeted(t);
  const [here, there] = [room(), room()];
  assert.deepEqual(await call({ type: "subscribe", id: 1, room: here }), { type: "ok", id: 1, rooms: [here] });
  assert.deepEqual(await call({ type: "subscribe", id: "two", rooms: [here, there] }), { type: "ok", id: "two", rooms: [here, there] });

  // The answer and the event come in either order.
  command({ type: "publish", id: 3, room: here, event: "e", args: [1, { z: 1, a: [null] }] });
  const both = [await message(), await message()];
  assert.deepEqual(both.find(({ type }) => type === "ok"), { type: "ok", id: 3 });
  assert.deepEqual(both.find(({ type }) => type === "event"), { type: "event", room: here, event: "e", args: [1, { z: 1, a: [null] }] });

  const publish = (to, args) => post(gateway, "/v1/publish", { to, event: "news", args });
  assert.equal((await publish({ rooms: [here] }, [1])).status, 202);
  assert.deepEqual(await message(), { type: "event", room: here, event: "news", args: [1] });
  assert.equal((await publish({ rooms: [here, there] }, [2])).status, 202);
  assert.deepEqual(await message(), { type: "event", event: "news", args: [2] }, "several rooms: none is named, and it comes once");
  assert.equal((await publish({ all: true }, [3])).status, 202);
  assert.deepEqual(await message(), { type: "event", event: "news", args: [3] });
  assert.equal((await publish({ connections: [hello.id] }, [4])).status, 202);
  const { room: own, ...direct } = await message();
  assert.ok(own === undefined || own === hello.id);
  assert.deepEqual(direct, { type: "event", event: "news", args: [4] });

  assert.deepEqual(await call({ type: "unsubscribe", id: 4, rooms: [here, "never:1"] }), { type: "ok", id: 4, rooms: [here, "never:1"] });
  assert.deepEqual(await call({ type: "publish", id: 5, room: here, event: "gone" }), { type: "ok", id: 5 });
  assert.deepEqual(await call({ type: "unsubscribe", id: 6, room: here }), { type: "ok", id: 6, rooms: [here] }, "and no event before");
});

test("binary values are base64 beside their placeholders", async (t) => {
  const { message, command, call } = await greeted(t);
  const here = room();
  await call({ type: "subscribe", id: 1, room: here });
  const stock = await connected(t, VERSIONS[0].io, gateway.publicUrl, { transports: ["websocket"] });
  await ask(stock, "subscribe", here);

  const arrived = next(stock, "bytes");
  command({ type: "publish", room: here, event: "bytes", ...BINARY });
  assert.deepEqual(await message(), { type: "event", room: here, event: "bytes", ...BINARY });
  assert.deepEqual(await arrived, [Buffer.from(BYTES, "base64")]);

  await ask(stock, "publish", here, "back", { deep: [Buffer.from(BYTES, "base64")] });
  assert.deepEqual(await message(), {
    type: "event",
    room: here,
    event: "back",
    args: [{ deep: [{ _placeholder: true, num: 0 }] }],
    attachments: [BYTES],
  });
  const wrong = await call({ type: "publish", id: 9, room: here, event: "e", args: [], attachments: [BYTES] });
  assert.equal(wrong.code, "invalid_request");
});

test("refusals have a code, and the connection stays", async (t) => {
  const { call } = await greeted(t);
  const here = room();
  for (const [command, code, about] of [
    [{ type: "emit", event: "e", args: [] }, "no_backend"],
    [{ type: "auth", token: "x" }, "auth_unavailable"],
    [{ type: "dance" }, "unknown_type"],
    [{}, "invalid_request"],
    [{ type: "subscribe" }, "invalid_request"],
    [{ type: "subscribe", room: here, rooms: [here] }, "invalid_request"],
    [{ type: "subscribe", room: here, colour: "red" }, "unsupported_field"],
    [{ type: "subscribe", room: "~x" }, "forbidden", "~x"],
    [{ type: "subscribe", rooms: [here, "a\u0000"] }, "room_name_invalid", "a\u0000"],
    [{ type: "subscribe", rooms: ["1", "2", "3", "4", "5", "6"] }, "too_many_rooms"],
    [{ type: "publish", room: "~x", event: "e", args: [] }, "forbidden", "~x"],
    [{ type: "publish", room: here, event: "connect", args: [] }, "invalid_request"],
  ]) {
    const { message, ...error } = await call({ id: "x", ...command });
    const expected = { type: "error", id: "x", code, ...(about ? { room: about } : {}) };
    assert.deepEqual(error, expected, JSON.stringify(command));
    assert.ok(message.length > 5);
  }
  const { id, code } = await call({ type: "dance" });
  assert.deepEqual([id, code], [undefined, "unknown_type"]);
  assert.equal((await call({ type: "subscribe", id: 1, room: here })).type, "ok");
});

for (const [what, frame, code] of [
  ["not JSON", "hello", 1008],
  ["JSON that is no object", "[1]", 1008],
  ["two objects", "{}{}", 1008],
  ["a binary frame", Buffer.from("{}"), 1003],
  ["too large a message", JSON.stringify({ type: "emit", event: "x".repeat(10_000) }), 1009],
]) {
  test(`${what} closes with ${code}`, async (t) => {
    const { socket, closed } = await greeted(t);
    socket.send(frame);
    assert.equal((await closed()).code, code);
  });
}

test("the server pings, and whoever answers stays", async (t) => {
  const { socket, message, command } = plain(t, echo);
  assert.equal((await message()).ping_interval_ms, 50);
  await message(); // `auth` of the example's backend
  for (let pings = 0; pings < 5; pings++) await next(socket, "ping");
  command({ type: "emit", id: 1, event: "message", args: ["still", "here"] });
  const both = [await message(), await message()];
  assert.deepEqual(both.find(({ type }) => type === "ok"), { type: "ok", id: 1 });
  assert.deepEqual(both.find(({ type }) => type === "event"), { type: "event", event: "message-back", args: ["still", "here"] });
  const pong = next(socket, "pong");
  socket.ping("abc");
  assert.equal((await pong)[0].toString(), "abc");
});

test("whoever does not answer pings is let go", async (t) => {
  const strict = await startGateway({ "websocket.ping_interval_ms": 50, "websocket.ping_timeout_ms": 100 });
  t.after(() => strict.stop());
  const { closed } = plain(t, strict, "/ws", { autoPong: false });
  const { code } = await closed();
  assert.equal(code, 1001);
});

test("a stop asks to come back", async (t) => {
  const stopping = await startGateway();
  const { message, closed } = plain(t, stopping);
  await message();
  const end = closed();
  assert.equal(await stopping.stop(), 0);
  assert.equal((await end).code, 1012);
});

test("a backend's disconnect says whether to come back", async (t) => {
  for (const [reconnect, code] of [[true, 1012], [false, 1008]]) {
    const { hello, closed } = await greeted(t);
    await post(gateway, "/v1/disconnect", { select: { connections: [hello.id] }, reconnect });
    assert.equal((await closed()).code, code);
  }
});

test("raw messages are echoed at /echo", async (t) => {
  const { socket, raw, opened } = plain(t, echo, "/echo");
  await opened();
  socket.send("text €");
  assert.equal(await raw(), "text €");
  const large = Buffer.alloc(200_000, 7);
  socket.send(large);
  assert.deepEqual(await within(raw(), "echo"), large);
});
