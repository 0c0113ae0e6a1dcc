// The game of docs/examples, played in windows of several people.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { io } from "socket.io-client";

import { ask, connected, within } from "./clients.mjs";
import { DEADLINE_MS, besidesRefused, fits, restart, startExamples, visit } from "./examples.mjs";

const LONG = { timeout: 4 * DEADLINE_MS };
const PHONE = { viewport: { width: 360, height: 740 }, hasTouch: true, isMobile: true };

let examples;
before(async () => { examples = await startExamples(); });
after(() => examples?.stop());

const score = (page, name) => page.locator("#scores li", { hasText: name });

/** Hears the states of the arena as any client may: `until(test)` gives the first that passes. */
async function watch(t) {
  const socket = await connected(t, io, examples.gateway.publicUrl);
  await ask(socket, "subscribe", "game:arena");
  return {
    until: (test, what) =>
      within(
        new Promise((resolve) => {
          const take = (state) => test(state) && (socket.off("state", take), resolve(state));
          socket.on("state", take);
        }),
        what,
        DEADLINE_MS,
      ),
  };
}

/** Has somebody run into the upper left corner; `page` shows them there. */
async function seenInTheCorner(runner, name, page) {
  for (const key of ["ArrowLeft", "ArrowUp"]) await runner.keyboard.down(key);
  await page.waitForFunction((who) => {
    const row = [...document.querySelectorAll("#scores li")].find((each) => each.textContent.includes(who));
    const canvas = document.getElementById("field");
    const at = Math.round((38 / 600) * canvas.height);
    const [red, green, blue, alpha] = canvas.getContext("2d").getImageData(at, at, 1, 1).data;
    const colour = getComputedStyle(document.documentElement).getPropertyValue(`--person-${row?.dataset.person}`);
    const seen = `#${[red, green, blue].map((part) => part.toString(16).padStart(2, "0")).join("")}`;
    return alpha === 255 && seen === colour.trim();
  }, name);
  for (const key of ["ArrowLeft", "ArrowUp"]) await runner.keyboard.up(key);
}

test("two play in one arena, on a phone too, and each sees what the other does", LONG, async (t) => {
  const faults = [];
  const ada = await visit(t, examples, "/game/", "Ada", faults);
  await score(ada, "Robot").waitFor(); // nobody plays alone
  const grace = await visit(t, examples, "/game/", "Grace", faults, { colorScheme: "dark" });
  await score(ada, "Robot").waitFor({ state: "detached" });
  const linus = await visit(t, examples, "/game/", "Linus", faults, PHONE);
  for (const page of [ada, grace, linus]) {
    for (const name of ["Ada", "Grace", "Linus"]) await score(page, name).waitFor();
    await page.locator("#latency", { hasText: /^\d+ ms$/ }).waitFor();
    await page.locator("#left", { hasText: /^\d+:\d\d$/ }).waitFor();
  }
  assert.equal(await fits(linus), true);
  await seenInTheCorner(ada, "Ada", grace);

  const arena = await watch(t);
  const { players } = await arena.until(() => true, "a state");
  const before = players.find(({ name }) => name === "Linus");
  // At the edge that is further away: on a phone the page shows a part of the arena.
  const field = await linus.locator("#field").boundingBox();
  await linus.mouse.move(field.x + (before.x < 500 ? field.width - 10 : 10), field.y + field.height / 2);
  await linus.mouse.down();
  await arena.until(({ players }) => {
    const now = players.find(({ name }) => name === "Linus");
    return Math.hypot(now.x - before.x, now.y - before.y) > 10;
  }, "Linus to run where the pointer is");
  assert.deepEqual(faults, []);
});

test("coins count, and the game survives a restart of the gateway with its score", LONG, async (t) => {
  const faults = [];
  const [ada, grace] = await Promise.all(["Ada", "Grace"].map((name) => visit(t, examples, "/game/", name, faults)));
  const arena = await watch(t);
  const { coins } = await arena.until(({ players }) => players.length === 2, "two players");
  const field = await ada.locator("#field").boundingBox();
  for (const { x, y } of coins.slice(0, 3)) {
    await ada.mouse.move(field.x + (x / 1000) * field.width, field.y + (y / 600) * field.height);
    await ada.mouse.down();
    const there = ({ players }) => players.some((each) => each.name === "Ada" && Math.hypot(each.x - x, each.y - y) < 48);
    await arena.until(there, "Ada to get there");
    await ada.mouse.up();
  }
  await score(grace, "Ada").locator("b", { hasText: /^[1-9]\d*$/ }).waitFor();

  await restart(examples.gateway, [ada, grace], async () => {
    for (const page of [ada, grace]) await page.locator("#overlay.shown", { hasText: "No connection" }).waitFor();
  });
  for (const page of [ada, grace]) await page.locator("#overlay:not(.shown)").waitFor({ state: "attached" });
  await score(grace, "Ada").locator("b", { hasText: /^[1-9]\d*$/ }).waitFor();
  await seenInTheCorner(ada, "Ada", grace);
  assert.match(examples.output(), /game: hears nobody: .*\n[^]*game: hears the players/);
  assert.deepEqual(besidesRefused(faults), []);
});
