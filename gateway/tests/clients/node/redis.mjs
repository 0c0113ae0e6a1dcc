// Starts a Redis server for a test, on a port of its own, without persistence.

import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

const START_DEADLINE_MS = 15_000;
const START_ATTEMPTS = 5;
const LOOK_EVERY_MS = 20;

const running = new Set();
process.on("exit", () => running.forEach((child) => child.kill("SIGKILL")));

/** A port that was free a moment ago. */
export async function freePort() {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address();
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** Waits until a TCP server on `port` says something that `wanted` matches to `greeting`, or just listens. */
export async function listening(port, { greeting = "", wanted, child, deadlineMs = START_DEADLINE_MS } = {}) {
  const end = Date.now() + deadlineMs;
  for (;;) {
    if (await says(port, greeting, wanted)) return;
    if (child && child.exitCode !== null) throw new Error(`ended with ${child.exitCode}`);
    if (Date.now() > end) throw new Error(`nothing answers on port ${port} within ${deadlineMs} ms`);
    await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
  }
}

function says(port, greeting, wanted) {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    const done = (answer) => (socket.destroy(), resolve(answer));
    socket.setTimeout(1000, () => done(false));
    socket.on("error", () => done(false)).on("close", () => done(false));
    socket.on("connect", () => (wanted ? socket.write(greeting) : done(true)));
    socket.on("data", (data) => done(wanted?.test(data.toString()) ?? true));
  });
}

/** Starts a program that is to listen on a port which `command` puts into its words; gives `{ port, child, stop }`. */
export async function startOnFreePort(command, { taken, env = process.env, ...options }) {
  for (let attempt = 1; ; attempt++) {
    const port = await freePort();
    const [program, ...words] = command(port);
    const child = spawn(program, words, { env, stdio: ["ignore", "pipe", "pipe"] });
    running.add(child);
    let output = "";
    for (const stream of [child.stdout, child.stderr]) stream.setEncoding("utf8").on("data", (text) => (output += text));
    const exited = new Promise((resolve) => child.once("close", resolve).once("error", resolve));
    exited.then(() => running.delete(child));
    const failed = once(child, "error").then(([error]) => Promise.reject(error));
    try {
      await Promise.race([listening(port, { ...options, child }), failed]);
      failed.catch(() => {});
      return { port, child, output: () => output, stop: () => (child.kill("SIGKILL"), exited) };
    } catch (error) {
      failed.catch(() => {});
      child.kill("SIGKILL");
      await exited;
      // Somebody else was faster.
      if (taken.test(output) && attempt < START_ATTEMPTS) continue;
      throw new Error(`${program} ${error.message}; \`make setup\` installs it; it printed:\n${output}`);
    }
  }
}

/** Gives an order as an operator would; the answer as lines. */
async function order(port, words) {
  const { stdout } = await promisify(execFile)("redis-cli", ["-e", "-p", port, ...words], { timeout: START_DEADLINE_MS });
  return stdout.trimEnd().split("\n");
}

/** A Redis server: `{ port, address, url, order(…), stop }`. */
export async function startRedis() {
  const folder = mkdtempSync(join(tmpdir(), "roomcast-redis-"));
  const command = (port) => [
    "redis-server", "--port", port, "--bind", "127.0.0.1", "--dir", folder, "--save", "", "--appendonly", "no",
  ];
  const options = { greeting: "PING\r\n", wanted: /^\+PONG/, taken: /already in use/ };
  const { port, stop } = await startOnFreePort(command, options);
  return {
    port,
    address: `127.0.0.1:${port}`,
    url: `redis://127.0.0.1:${port}`,
    order: (...words) => order(port, words),
    stop: async () => {
      await stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
