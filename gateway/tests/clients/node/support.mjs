// Starts Roomcast for a test and knows where it listens.
//
// `make test` hands over the programs in ROOMCAST_BIN and ROOMCAST_ECHO_BIN. Without
// them nothing is skipped: starting fails and says so.

import { spawn } from "node:child_process";
import { once } from "node:events";

const START_DEADLINE_MS = 10_000;
const STOP_DEADLINE_MS = 15_000;

const DEFAULTS = {
  "public.address": "127.0.0.1:0",
  "internal.address": "127.0.0.1:0",
  "log.format": "json",
};

const PUBLIC_LINE = /^\s*public\s+http:\/\/(\S+)/m;
const INTERNAL_LINE = /^\s*internal\s+http:\/\/(\S+)/m;

const running = new Set();
process.on("exit", () => running.forEach((child) => child.kill("SIGKILL")));

/** The program that the environment names, or an error that tells what to do. */
export function programFrom(variable) {
  const path = process.env[variable];
  if (!path) {
    throw new Error(`${variable} is not set: run the tests by \`make test\`, or set it to the built program`);
  }
  return path;
}

/** Starts the gateway; `settings` are `{"section.key": value}`. */
export function startGateway(settings = {}, options = {}) {
  return start(options.program ?? programFrom("ROOMCAST_BIN"), settings, options);
}

/** Starts the example backend `echo` (gateway/examples/echo.rs). */
export function startEcho(settings = {}, options = {}) {
  return start(options.program ?? programFrom("ROOMCAST_ECHO_BIN"), settings, options);
}

/** Environment of the program: ours without ROOMCAST_*, and the settings. */
function environment(settings) {
  const inherited = Object.entries(process.env).filter(([name]) => !name.startsWith("ROOMCAST_"));
  const given = Object.entries(settings).map(([key, value]) => [
    `ROOMCAST__${key.replaceAll(".", "__").toUpperCase()}`,
    String(value),
  ]);
  return Object.fromEntries([...inherited, ...given]);
}

async function start(program, settings, options) {
  const gateway = new Gateway(program, { ...DEFAULTS, ...settings }, options);
  await gateway.launch();
  return gateway;
}

class Gateway {
  /** `http://host:port` of each listener, and the process id. */
  publicUrl;
  internalUrl;
  pid;

  #program;
  #settings;
  #startDeadlineMs;
  #stopDeadlineMs;
  #child;
  #output = "";

  constructor(program, settings, { startDeadlineMs = START_DEADLINE_MS, stopDeadlineMs = STOP_DEADLINE_MS }) {
    this.#program = program;
    this.#settings = settings;
    this.#startDeadlineMs = startDeadlineMs;
    this.#stopDeadlineMs = stopDeadlineMs;
  }

  /** Everything that the program has printed so far, both streams. */
  get output() {
    return this.#output;
  }

  /** Whether the process still runs. */
  get alive() {
    return this.#child !== undefined && this.#child.exitCode === null && this.#child.signalCode === null;
  }

  /** Starts the process and waits for its two addresses. */
  async launch() {
    const child = spawn(this.#program, [], {
      env: environment(this.#settings),
      stdio: ["ignore", "pipe", "pipe"],
    });
    this.#child = child;
    this.pid = child.pid;
    this.#output = "";
    running.add(child);
    child.on("exit", () => running.delete(child));
    try {
      await this.#addresses(child);
    } catch (error) {
      child.kill("SIGKILL");
      throw new Error(`${this.#program} ${error.message}; it printed:\n${this.#output}`);
    }
  }

  #addresses(child) {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(
        () => reject(new Error(`did not say where it listens within ${this.#startDeadlineMs} ms`)),
        this.#startDeadlineMs,
      );
      const settle = (outcome, value) => {
        clearTimeout(timer);
        outcome(value);
      };
      let stdout = "";
      child.stderr.setEncoding("utf8").on("data", (text) => (this.#output += text));
      child.stdout.setEncoding("utf8").on("data", (text) => {
        this.#output += text;
        stdout += text;
        const lines = stdout.slice(0, stdout.lastIndexOf("\n") + 1);
        const [, publicAddress] = PUBLIC_LINE.exec(lines) ?? [];
        const [, internalAddress] = INTERNAL_LINE.exec(lines) ?? [];
        if (publicAddress && internalAddress) {
          this.publicUrl = `http://${publicAddress}`;
          this.internalUrl = `http://${internalAddress}`;
          settle(resolve);
        }
      });
      child.once("error", (error) => settle(reject, new Error(`did not start (${error.message})`)));
      // `close`, not `exit`: by then all that it printed has been read.
      child.once("close", (code, signal) => settle(reject, new Error(`ended with ${code ?? signal}`)));
    });
  }

  /** Sends SIGTERM and gives the exit code; undefined if it was stopped or killed before.
   *  An error if it has to be killed, or had ended by itself. */
  async stop() {
    const child = this.#child;
    if (!child) return undefined;
    const alive = this.alive;
    this.#child = undefined;
    if (!alive) {
      throw new Error(`had ended by itself with ${child.exitCode ?? child.signalCode}:\n${this.#output}`);
    }
    const exited = once(child, "exit");
    child.kill("SIGTERM");
    const timer = setTimeout(() => child.kill("SIGKILL"), this.#stopDeadlineMs);
    const [code, signal] = await exited;
    clearTimeout(timer);
    if (signal === "SIGKILL") {
      throw new Error(`did not end within ${this.#stopDeadlineMs} ms of SIGTERM:\n${this.#output}`);
    }
    return code ?? signal;
  }

  /** Ends it at once, as a crash would. */
  async kill() {
    const child = this.#child;
    if (!this.alive) return;
    this.#child = undefined;
    const exited = once(child, "exit");
    child.kill("SIGKILL");
    await exited;
  }

  /** Stops it and starts it again on the same addresses; the exit code of the first. */
  async restart() {
    const code = await this.stop();
    await this.launchAgain();
    return code;
  }

  /** Starts it again after `stop` or `kill`, on the same addresses. */
  async launchAgain() {
    this.#settings["public.address"] = new URL(this.publicUrl).host;
    this.#settings["internal.address"] = new URL(this.internalUrl).host;
    await this.launch();
  }
}
