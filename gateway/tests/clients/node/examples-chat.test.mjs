// The chat of docs/examples, in windows of several people.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { DEADLINE_MS, besidesRefused, fits, restart, startExamples, visit } from "./examples.mjs";

const LONG = { timeout: 4 * DEADLINE_MS };
const PHONE = { viewport: { width: 360, height: 740 }, hasTouch: true, isMobile: true };

let examples;
before(async () => { examples = await startExamples(); });
after(() => examples?.stop());

const messages = (page, text) => page.locator("#log .message", { hasText: text });
const notice = (page, text) => page.locator("#log .notice", { hasText: text });
const people = (page, name) => page.locator("#people li", { hasText: name });
const say = async (page, text) => {
  await page.fill("#text", text);
  await page.press("#text", "Enter");
};

test("the list of examples leads to each", LONG, async (t) => {
  const faults = [];
  const page = await examples.browser.newPage();
  page.on("console", (entry) => entry.type() === "error" && faults.push(entry.text()));
  for (const name of ["Chat", "Whiteboard", "Coin rush"]) {
    await page.goto(examples.url);
    await page.locator("a", { hasText: name }).click();
    await page.locator("h1", { hasText: name }).waitFor();
    await page.locator("#status", { hasText: "connected" }).waitFor();
  }
  for (const path of ["/serve.mjs", "/package.json", "/.npmrc", "/..%2f..%2fREADME.md", "/shared/publisher.mjs"]) {
    assert.equal((await fetch(examples.url + path)).status, 404, path);
  }
  assert.deepEqual(faults, []);
  await page.close();
});

test("people see each other come, type, speak and go", LONG, async (t) => {
  const faults = [];
  const ada = await visit(t, examples, "/chat/#tea", "Ada", faults);
  const grace = await visit(t, examples, "/chat/#tea", "Grace", faults, PHONE);
  const other = await visit(t, examples, "/chat/#coffee", "Linus", faults);
  await notice(ada, "Grace joined").waitFor();
  await people(ada, "Grace").waitFor();
  await grace.locator("#room-title", { hasText: "# tea · 2 here" }).waitFor();

  await grace.locator("#text").pressSequentially("Hel");
  await ada.locator("#typing", { hasText: "Grace is typing" }).waitFor();
  await say(grace, "<b>Hello</b>");
  await messages(ada, "<b>Hello</b>").waitFor();
  await messages(grace, "<b>Hello</b>").locator(".state", { hasText: "sent" }).waitFor();
  await say(ada, "Hello back");
  await messages(grace, "Hello back").waitFor();
  assert.equal(await ada.locator("#typing").textContent(), "");

  await grace.fill("#name", "Grace H.");
  await grace.press("#name", "Enter");
  await notice(ada, "Grace is now Grace H.").waitFor();
  assert.equal(await fits(grace), true);

  await ada.click('#rooms a:has-text("random")');
  await notice(grace, "Ada left").waitFor();
  await ada.evaluate(() => history.back());
  await notice(grace, "Ada joined").waitFor();
  await grace.close({ runBeforeUnload: false });
  await notice(ada, "Grace H. left").waitFor();

  assert.equal(await other.locator(".message, .notice").count(), 0, "rooms keep to themselves");
  assert.deepEqual(faults, []);
});

test("a message that cannot be sent says so, and is sent once at a retry", LONG, async (t) => {
  const faults = [];
  const [ada, grace] = await Promise.all(
    ["Ada", "Grace"].map((name) => visit(t, examples, "/chat/#storm", name, faults)),
  );
  await restart(examples.gateway, [ada, grace], async () => {
    await say(ada, "into the wind");
    await messages(ada, "into the wind").locator(".state", { hasText: "sending" }).waitFor();
    await messages(ada, "into the wind").locator(".state", { hasText: "not sent" }).waitFor();
  });
  for (const page of [ada, grace]) await notice(page, /You were away for \d+ s\. What was said meanwhile/).waitFor();
  await messages(ada, "into the wind").getByRole("button", { name: "Retry" }).click();
  await messages(grace, "into the wind").waitFor();
  await messages(ada, "into the wind").locator(".state", { hasText: "· sent" }).waitFor();
  await say(grace, "heard you");
  await messages(ada, "heard you").waitFor();
  for (const page of [ada, grace]) assert.equal(await messages(page, "into the wind").count(), 1);
  assert.deepEqual(besidesRefused(faults), []);
});
