// Starts the examples as a user does, and opens their pages in a browser.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";

import { DEADLINE_MS, startBrowser } from "./browser.mjs";
import { within } from "./clients.mjs";
import { startGateway } from "./support.mjs";

const FOLDER = fileURLToPath(new URL("../../../../docs/examples", import.meta.url));
const ADDRESS = /^Examples at (http:\/\/127\.0\.0\.1:\d+)\//m;
export { DEADLINE_MS };

/** A gateway, `serve.mjs` on it, and a browser; `stop()` ends them all. */
export async function startExamples() {
  const gateway = await startGateway();
  const served = await serve(gateway);
  const browser = await startBrowser();
  const stop = async () => {
    await browser.close();
    await served.stop();
    await gateway.stop();
  };
  return { gateway, browser, url: served.url, output: served.output, stop };
}

async function serve(gateway) {
  const options = ["serve.mjs", "--port", "0", "--gateway", gateway.publicUrl, "--api", gateway.internalUrl];
  options.push("--round", "3600"); // no round ends in the middle of a test
  const child = spawn(process.execPath, options, { cwd: FOLDER, stdio: ["ignore", "pipe", "pipe"] });
  const end = () => child.kill("SIGKILL");
  process.on("exit", end);
  let output = "";
  const url = new Promise((resolve, reject) => {
    const read = (text) => {
      output += text;
      const [, address] = ADDRESS.exec(output) ?? [];
      if (address) resolve(address);
    };
    child.stdout.setEncoding("utf8").on("data", read);
    child.stderr.setEncoding("utf8").on("data", read);
    child.once("close", (code) => reject(new Error(`serve.mjs ended with ${code}:\n${output}`)));
  });
  const stop = async () => {
    process.off("exit", end);
    if (child.exitCode !== null) throw new Error(`serve.mjs had ended by itself with ${child.exitCode}:\n${output}`);
    const closed = once(child, "close");
    child.kill("SIGTERM");
    await closed;
  };
  return { url: await within(url, "serve.mjs to listen", DEADLINE_MS), output: () => output, stop };
}

/**
 * Opens a page as somebody of this name, in a window of their own that is closed after test
 * `t`, and waits until it is in its room. What goes wrong in it is put into `faults`: errors of scripts and of the console,
 * requests beyond loopback. `options` are those of a browser context.
 */
export async function visit(t, { browser, url }, path, name, faults, options = {}) {
  const context = await browser.newContext(options);
  t.after(() => context.close());
  const page = await context.newPage();
  page.setDefaultTimeout(DEADLINE_MS);
  page.on("pageerror", (error) => faults.push(`${name}: ${error.message}`));
  page.on("console", (entry) => {
    // Looking at a canvas over and over is what a test does, not the page.
    const ours = entry.text().includes("willReadFrequently");
    if (["error", "warning"].includes(entry.type()) && !ours) faults.push(`${name}: ${entry.text()}`);
  });
  page.on("request", (request) => {
    if (!/^(data:|(http|ws):\/\/127\.0\.0\.1:)/.test(request.url())) faults.push(`${name} asks ${request.url()}`);
  });
  await page.addInitScript((mine) => sessionStorage.setItem("name", sessionStorage.getItem("name") ?? mine), name);
  await page.goto(url + path);
  await connected(page);
  return page;
}

/** Waits until the page says that it is in its room. */
export function connected(page) {
  return page.locator("#status", { hasText: /^connected$/ }).waitFor();
}

/** Stops the gateway, does `meanwhile`, and starts it again on the same addresses; every page
 *  says that it is away, and comes back by itself. */
export async function restart(gateway, pages, meanwhile = async () => {}) {
  await gateway.stop();
  await Promise.all(pages.map((page) => page.locator("#status", { hasText: "reconnecting…" }).waitFor()));
  await Promise.all(pages.map((page) => page.locator("#banner:visible").waitFor()));
  await meanwhile();
  await gateway.launchAgain();
  await Promise.all(pages.map(connected));
  await Promise.all(pages.map((page) => page.locator("#banner").waitFor({ state: "hidden" })));
}

/** Faults without those that a browser reports of its own accord while nobody listens. */
export function besidesRefused(faults) {
  return faults.filter((fault) => !/net::ERR_(CONNECTION_REFUSED|EMPTY_RESPONSE|CONNECTION_RESET)/.test(fault));
}

/** Whether nothing of the page is cut off at the sides. */
export function fits(page) {
  return page.evaluate(() => document.documentElement.scrollWidth <= document.documentElement.clientWidth);
}
