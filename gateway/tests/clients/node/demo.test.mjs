// The demo page in a browser: what one tab publishes, the other shows.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { DEADLINE_MS, startBrowser } from "./browser.mjs";
import { post } from "./clients.mjs";
import { startGateway } from "./support.mjs";


let gateway;
let browser;
before(async () => {
  gateway = await startGateway();
  browser = await startBrowser();
});
after(async () => {
  await browser?.close();
  await gateway?.stop();
});

/** A tab that is connected and subscribed; what goes wrong in it fails the test. */
async function tab(context, faults) {
  const page = await context.newPage();
  page.setDefaultTimeout(DEADLINE_MS);
  page.on("pageerror", (error) => faults.push(error.message));
  page.on("console", (entry) => entry.type() === "error" && faults.push(entry.text()));
  page.on("request", (request) => {
    if (!/^(data:|(http|ws):\/\/127\.0\.0\.1:)/.test(request.url())) faults.push(`asks ${request.url()}`);
  });
  await page.goto(gateway.publicUrl);
  await page.locator("#status", { hasText: "connected" }).waitFor();
  return page;
}

async function subscribe(page, room) {
  await page.fill("#room", room);
  await page.click("#subscribe");
  await page.locator("#rooms", { hasText: `subscribed to ${room}` }).waitFor();
}

const events = (page, text) => page.locator("#log .event", { hasText: text });

test("what one tab publishes the other shows", { timeout: 4 * DEADLINE_MS }, async () => {
  const faults = [];
  const context = await browser.newContext();
  const [first, second] = await Promise.all([tab(context, faults), tab(context, faults)]);
  await Promise.all([subscribe(first, "tabs:1"), subscribe(second, "tabs:1")]);

  await first.fill("#event", "greeting");
  await first.fill("#message", '{"text":"<b>from the first</b>"}');
  await first.click("#publish");
  await Promise.all([first, second].map((page) => events(page, "<b>from the first</b>").waitFor()));

  await second.fill("#message", "from the second");
  await second.press("#message", "Enter");
  await Promise.all([first, second].map((page) => events(page, "from the second").waitFor()));

  const published = await post(gateway, "/v1/publish", { to: { rooms: ["tabs:1"] }, event: "api", args: ["over HTTP"] });
  assert.equal(published.status, 202);
  await Promise.all([first, second].map((page) => events(page, "over HTTP").waitFor()));
  for (const page of [first, second]) assert.equal(await page.locator("#log .event").count(), 3);
  assert.deepEqual(faults, []);
  await context.close();
});

test("a tab comes back after a restart", { timeout: 4 * DEADLINE_MS }, async () => {
  const context = await browser.newContext();
  const page = await tab(context, []);
  await subscribe(page, "tabs:2");
  const id = await page.locator("#connection").textContent();
  await gateway.restart();
  await page.locator(`#connection:not(:text-is("${id}")):not(:text-is("none"))`).waitFor();
  await page.locator("#rooms", { hasText: "subscribed to tabs:2" }).waitFor();
  await post(gateway, "/v1/publish", { to: { rooms: ["tabs:2"] }, event: "back", args: ["again"] });
  await events(page, "again").waitFor();
  await context.close();
});
