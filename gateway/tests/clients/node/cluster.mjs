// Several Roomcast nodes, or stock servers, on one Redis; each of them is a side with the same words.
//
// A side acts as a backend would: `emit`, `emitWithAck`, `fetchSockets`, `join`, `leave`, `disconnect`,
// `serverSideEmit`; and it tells the rooms of a connection of its own.

import { post, read, within } from "./clients.mjs";
import { startPeer } from "./peers.mjs";
import { startGateway } from "./support.mjs";

const SECRET = "a secret of tests, which is long enough";
const ACK_TIMEOUT_MS = 5000;

/** Settings of a node of a cluster on this Redis. */
export function clustered(redis, settings = {}) {
  return {
    "adapter.kind": "redis",
    "redis.addresses": redis.address,
    "cluster.secret": SECRET,
    "node.shards": 2,
    ...settings,
  };
}

/** A Roomcast node as a side. */
export async function roomcastSide(redis, format, settings = {}) {
  const gateway = await startGateway(clustered(redis, { ...format.settings, ...settings }));
  await ready(gateway);
  const { publicUrl } = gateway;
  const live = (room) => subscribed(redis, format, room);
  return { kind: "roomcast", publicUrl, gateway, live, stop: () => gateway.stop(), ...backend(gateway) };
}

/** Waits until `look` finds something. */
export function until(look, what) {
  let over = false;
  const again = async () => {
    while (!over && !(await look())) await new Promise((resolve) => setTimeout(resolve, 20));
  };
  return within(again(), what).finally(() => (over = true));
}

/** Waits until the node's link to Redis is proven. */
function ready({ internalUrl }) {
  return until(async () => (await fetch(`${internalUrl}/readyz`)).ok, "readiness");
}

/** Waits until somebody is subscribed to the channel of a room, where it has one. */
async function subscribed(redis, { counting }, room) {
  if (counting === undefined) return;
  const count = async () => Number((await redis.order("PUBSUB", counting, `socket.io#/#${room}#`))[1]) > 0;
  await until(count, `a subscription to ${room}`);
}

/** A stock Node server as a side. */
export async function nodeSide(redis, format) {
  const peer = await startPeer(redis, format);
  return { kind: "node", ...peer, ...application(peer.io) };
}

/** Whom: `{ rooms, except, connections }` in the words of the API. */
const select = ({ rooms, connections }) => (rooms || connections ? { rooms, connections } : { all: true });

async function ordered(gateway, path, body, status = 200) {
  const answer = await post(gateway, path, body);
  if (answer.status !== status) throw new Error(`${path}: ${answer.status} ${JSON.stringify(answer.body)}`);
  return answer.body;
}

/** Binary values out of the arguments, each with a placeholder in its place. */
function takenOut(value, attachments) {
  if (Buffer.isBuffer(value)) {
    attachments.push(value.toString("base64"));
    return { _placeholder: true, num: attachments.length - 1 };
  }
  if (Array.isArray(value)) return value.map((item) => takenOut(item, attachments));
  if (value === null || typeof value !== "object") return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, takenOut(item, attachments)]));
}

/** What a backend does over the HTTP API. */
function backend(gateway) {
  const publication = (to, event, args) => {
    const attachments = [];
    const body = { to: select(to), event, args: takenOut(args, attachments) };
    if (to.except) body.except = { rooms: to.except };
    if (to.volatile) body.delivery = "volatile";
    if (attachments.length > 0) body.attachments = attachments;
    return body;
  };
  return {
    emit: (to, event, ...args) => ordered(gateway, "/v1/publish", publication(to, event, args), 202),
    emitWithAck: async (to, event, ...args) => {
      const ack = { timeout_ms: ACK_TIMEOUT_MS, want: "collect" };
      const body = { ...publication(to, event, args), ack };
      const { matched, timed_out, replies } = await ordered(gateway, "/v1/publish", body);
      if (timed_out > 0) throw new Error(`${timed_out} of ${matched} did not answer in time`);
      return replies.map(({ args: [answer] }) => answer);
    },
    fetchSockets: async (room, { kind }) => {
      // Servers that are no Roomcast nodes are asked only on request.
      const servers = kind === "node" ? "&servers=true" : "";
      const { items } = await read(gateway, `/v1/connections?room=${encodeURIComponent(room)}${servers}`);
      return items.map(({ id, rooms }) => ({ id, rooms }));
    },
    join: (to, rooms) => ordered(gateway, "/v1/rooms/join", { select: select(to), rooms }),
    leave: (to, rooms) => ordered(gateway, "/v1/rooms/leave", { select: select(to), rooms }),
    disconnect: (to) => ordered(gateway, "/v1/disconnect", { select: select(to), reconnect: false }),
    roomsOf: async (id) => (await read(gateway, `/v1/connections/${id}`)).rooms,
  };
}

/** What an application does in its own Socket.IO server. */
function application(io) {
  const whom = (to) => {
    const chosen = (to.rooms ?? to.connections ?? []).reduce((operator, room) => operator.to(room), io);
    const without = to.except ? chosen.except(to.except) : chosen;
    return to.volatile ? without.volatile : without;
  };
  return {
    emit: async (to, event, ...args) => void whom(to).emit(event, ...args),
    emitWithAck: (to, event, ...args) => whom(to).timeout(ACK_TIMEOUT_MS).emitWithAck(event, ...args),
    fetchSockets: async (room) =>
      (await io.in(room).fetchSockets()).map(({ id, rooms }) => ({ id, rooms: [...rooms].filter((name) => name !== id) })),
    join: async (to, rooms) => void whom(to).socketsJoin(rooms),
    leave: async (to, rooms) => void whom(to).socketsLeave(rooms),
    disconnect: async (to) => void whom(to).disconnectSockets(false),
    serverSideEmit: async (event, ...args) => void io.serverSideEmit(event, ...args),
    serverSideEmitWithAck: (event, ...args) => io.serverSideEmitWithAck(event, ...args),
    onServerSide: (event, handler) => io.on(event, handler),
    roomsOf: async (id) => [...(io.of("/").sockets.get(id)?.rooms ?? [])].filter((name) => name !== id),
  };
}
