// A stock Socket.IO server with the Redis adapter, as people run it beside Roomcast.
//
// To its clients it looks like Roomcast: `subscribe` and `publish` are events with the same answers.

import { once } from "node:events";
import { createServer } from "node:http";

import { createAdapter, createShardedAdapter } from "@socket.io/redis-adapter";
import { createClient } from "redis";
import { Server } from "socket.io";

import { within } from "./clients.mjs";

/** The wire formats, as the Node adapter and as Roomcast's settings name them. */
export const FORMATS = [
  { name: "classic", adapter: createAdapter, counting: "NUMSUB", settings: { "redis.format": "classic" } },
  ...["dynamic", "dynamic-private", "static"].map((mode) => ({
    name: `sharded ${mode}`,
    // How a subscription to a room's channel is seen; none has one in the static mode.
    counting: mode === "static" ? undefined : "SHARDNUMSUB",
    adapter: (pub, sub) => createShardedAdapter(pub, sub, { subscriptionMode: mode }),
    settings: { "redis.format": "sharded", "redis.subscription_mode": mode },
  })),
];

/** Starts a server on a free port: `{ io, live, publicUrl, stop }`. */
export async function startPeer(redis, format) {
  const pub = createClient({ url: redis.url });
  const sub = pub.duplicate();
  // Without a listener an error would end the process; what it breaks fails its test anyhow.
  for (const client of [pub, sub]) client.on("error", (error) => console.error("redis client:", error.message));
  await within(Promise.all([pub.connect(), sub.connect()]), "Redis");
  const http = createServer();
  const io = new Server(http, { adapter: format.adapter(pub, sub) });
  // The adapter subscribes without waiting for it; what is asked after that on the same link is answered later.
  const live = () => sub.ping();
  io.on("connection", (socket) => serve(socket, live));
  http.listen(0, "127.0.0.1");
  await once(http, "listening");
  return {
    io,
    live,
    publicUrl: `http://127.0.0.1:${http.address().port}`,
    stop: async () => {
      await io.close();
      // Not at once: what the adapter still says to Redis is to be answered.
      await Promise.all([pub.close(), sub.close()]);
    },
  };
}

function serve(socket, live) {
  socket.on("subscribe", (rooms, answer) => {
    const all = [rooms].flat();
    socket.join(all);
    live().then(() => answer?.({ ok: true, rooms: all }));
  });
  socket.on("publish", (room, event, ...args) => {
    const answer = typeof args.at(-1) === "function" ? args.pop() : undefined;
    socket.nsp.to(room).emit(event, ...args);
    answer?.({ ok: true });
  });
}
