// HAProxy in front of several nodes: every request goes to the next one, in turn.

import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { startOnFreePort } from "./redis.mjs";

/** Debian keeps it out of the way of those who are not root. */
const PATH = `${process.env.PATH}:/usr/sbin:/usr/local/sbin`;

const CONNECTIONS = {
  // Both sides keep their connections; each request of one is balanced by itself.
  "keep-alive": "option http-keep-alive\n    http-reuse always",
  // Every request has a connection of its own, on both sides.
  close: "option httpclose\n    http-reuse never",
};

function configuration(port, folder, nodes, connections) {
  const servers = nodes.map((node, index) => `    server node${index} ${new URL(node.publicUrl).host}`);
  return `
global
    maxconn 4000
    stats socket ${folder}/stats mode 600
defaults
    mode http
    timeout connect 10s
    timeout client 120s
    timeout server 120s
    timeout tunnel 120s
    ${CONNECTIONS[connections]}
frontend clients
    bind 127.0.0.1:${port}
    default_backend nodes
backend nodes
    balance roundrobin
${servers.join("\n")}
`;
}

/** Starts it: `{ publicUrl, requests(), stop }`; `connections` is `keep-alive` or `close`. */
export async function startHaproxy(nodes, connections) {
  const folder = mkdtempSync(join(tmpdir(), "roomcast-haproxy-"));
  const file = join(folder, "haproxy.cfg");
  const command = (port) => {
    writeFileSync(file, configuration(port, folder, nodes, connections));
    return ["haproxy", "-db", "-f", file];
  };
  const { port, stop } = await startOnFreePort(command, { taken: /in use/, env: { ...process.env, PATH } });
  return {
    publicUrl: `http://127.0.0.1:${port}`,
    requests: () => requestsByNode(join(folder, "stats")),
    stop: async () => {
      await stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** How many requests each node got so far. */
async function requestsByNode(path) {
  const socket = connect(path).setEncoding("utf8");
  let text = "";
  socket.on("data", (part) => (text += part)).end("show stat\n");
  await once(socket, "close");
  const [head, ...lines] = text.trim().split("\n").map((line) => line.split(","));
  const column = (name) => head.findIndex((title) => title.replace("# ", "") === name);
  const ofNodes = lines.filter((line) => /^node\d+$/.test(line[column("svname")]));
  return ofNodes.map((line) => Number(line[column("stot")]));
}
