// The whiteboard of docs/examples, in windows of several people.

import assert from "node:assert/strict";
import { after, before, beforeEach, test } from "node:test";

import { DEADLINE_MS, besidesRefused, fits, restart, startExamples, visit } from "./examples.mjs";

const LONG = { timeout: 4 * DEADLINE_MS };
const PHONE = { viewport: { width: 360, height: 740 }, hasTouch: true, isMobile: true };

let examples;
before(async () => { examples = await startExamples(); });
after(() => examples?.stop());
beforeEach(async () => { assert.equal((await post({ type: "clear" })).status, 200); });

const post = (change) =>
  fetch(`${examples.url}/board/api/changes`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(change),
  });
const strokes = (page, count) => page.locator(`#ink[aria-label="The whiteboard: ${count} strokes"]`).waitFor();

/** A line across the board at `height` (0 to 1); with `hold` the pen stays on the paper. */
async function line(page, height, { hold = false } = {}) {
  const box = await page.locator("#wet").boundingBox();
  const at = (part) => [box.x + part * box.width, box.y + height * box.height];
  await page.mouse.move(...at(0.2));
  await page.mouse.down();
  await page.mouse.move(...at(0.8), { steps: 12 });
  if (!hold) await page.mouse.up();
}

/** Waits until a layer has ink in the middle of the board at `height`, or has none. */
function inked(page, layer, height, wanted = true) {
  return page.waitForFunction(
    ([id, part, wants]) => {
      const canvas = document.getElementById(id);
      const [x, y, rows] = [canvas.width / 2, part * canvas.height - 6, 12].map(Math.round);
      if (canvas.width < 10) return false;
      const data = canvas.getContext("2d").getImageData(x, y, 1, rows).data;
      return data.some((value, index) => index % 4 === 3 && value > 0) === wants;
    },
    [layer, height, wanted],
  );
}

test("ink and cursors reach the others while the pen moves, and stay when it rests", LONG, async (t) => {
  const faults = [];
  const ada = await visit(t, examples, "/board/", "Ada", faults, { colorScheme: "dark" });
  const grace = await visit(t, examples, "/board/", "Grace", faults, PHONE);
  assert.equal(await grace.locator("#empty").isVisible(), true);

  await line(ada, 0.5, { hold: true });
  await inked(grace, "wet", 0.5);
  await grace.locator(".cursor", { hasText: "Ada" }).waitFor();
  await ada.mouse.up();
  for (const page of [ada, grace]) {
    await strokes(page, 1);
    await inked(page, "ink", 0.5);
    await inked(page, "wet", 0.5, false);
  }

  const late = await visit(t, examples, "/board/", "Linus", faults);
  await strokes(late, 1);
  await inked(late, "ink", 0.5);
  assert.equal(await fits(grace), true);
  assert.deepEqual(faults, []);
});

test("everybody undoes their own, and a clear is for all", LONG, async (t) => {
  const faults = [];
  const [ada, grace] = await Promise.all(["Ada", "Grace"].map((name) => visit(t, examples, "/board/", name, faults)));
  await line(ada, 0.3);
  await strokes(grace, 1);
  await line(grace, 0.6);
  await strokes(ada, 2);

  await ada.click("#undo");
  for (const page of [ada, grace]) {
    await strokes(page, 1);
    await inked(page, "ink", 0.3, false);
    await inked(page, "ink", 0.6);
  }
  assert.equal(await ada.locator("#undo").isDisabled(), true, "what is left is Grace's");
  await ada.click("#clear");
  await ada.locator("#clear", { hasText: "For everybody?" }).click();
  for (const page of [ada, grace]) await strokes(page, 0);
  assert.deepEqual(faults, []);
});

test("what was drawn while the gateway was away is there when it is back", LONG, async (t) => {
  const faults = [];
  const [ada, grace] = await Promise.all(["Ada", "Grace"].map((name) => visit(t, examples, "/board/", name, faults)));
  await line(grace, 0.2);
  for (const page of [ada, grace]) await strokes(page, 1);
  await restart(examples.gateway, [ada, grace], async () => {
    await line(ada, 0.7);
    await strokes(ada, 2);
  });
  await strokes(grace, 2);
  await inked(grace, "ink", 0.7);
  await line(grace, 0.4);
  await strokes(ada, 3);
  assert.deepEqual(besidesRefused(faults), []);
});

test("the backend takes what a board is made of and nothing else", LONG, async () => {
  const stroke = { id: "s", by: "me", ink: 1, width: 4, points: [1, 2] };
  const wrong = [
    {},
    { type: "stroke" },
    { type: "stroke", stroke: { ...stroke, points: [1, "2"] } },
    { type: "stroke", stroke: { ...stroke, points: new Array(8_002).fill(1) } },
    { type: "stroke", stroke: { ...stroke, width: -1 } },
    { type: "undo", id: "s" },
    { type: "stroke", stroke: { ...stroke, id: "x".repeat(200_000) } },
  ];
  for (const change of wrong) assert.equal((await post(change)).status, 400);
  // The same stroke twice is one: the first answer may have been lost.
  for (const change of [1, 2]) assert.equal((await post({ type: "stroke", stroke })).status, 200, `time ${change}`);
  assert.equal((await post({ type: "undo", id: "s", by: "somebody else" })).status, 200);
  const state = await (await fetch(`${examples.url}/board/api/state`)).json();
  assert.deepEqual(state.strokes, [stroke]);
});
