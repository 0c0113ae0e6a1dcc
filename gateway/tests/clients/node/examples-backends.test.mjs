// The parts of the examples' backends that no page shows at once: the rules of the game, and
// how a publisher waits.

import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import { test } from "node:test";

import { robotPlays } from "../../../../docs/examples/game/robot.mjs";
import { Game, TICK_MS } from "../../../../docs/examples/game/rules.mjs";
import { Publisher } from "../../../../docs/examples/shared/publisher.mjs";

const still = { name: "x", dx: 0, dy: 0, at: 0 };
const steps = (game, ms, each = () => {}) => {
  for (let left = ms; left > 0; left -= TICK_MS) each(), game.step();
};

/** Two players in the middle, one left of the other, with `score` coins each. */
function two(score) {
  const game = new Game({ random: () => 0.25 });
  for (const [id, x] of [["left", 400], ["right", 500]]) {
    game.input(id, still);
    Object.assign(game.players.get(id), { x, y: 300, score });
  }
  return { game, left: game.players.get("left"), right: game.players.get("right") };
}

test("who is dashed into drops coins, the other keeps theirs", () => {
  const { game, left, right } = two(6);
  game.coins = Array.from({ length: 14 }, (_, id) => ({ id, x: 40, y: 40, value: 1 }));
  game.input("left", { ...still, dx: 1, dash: true });
  steps(game, 150);
  assert.equal(right.score, 2);
  assert.equal(game.coins.length, 18, "what was dropped lies about");
  assert.ok(left.score >= 6);
  game.input("left", { ...still, dx: 1, dash: true });
  assert.ok(left.restMs > 0, "a dash needs a rest");
});

test("two that only meet push each other apart", () => {
  const { game, left, right } = two(6);
  Object.assign(left, { x: 480 });
  game.step();
  assert.ok(right.x - left.x >= 59, `${right.x - left.x}`);
  assert.equal(left.score, 6);
});

test("nobody is faster than anybody, or leaves the arena", () => {
  const { game, left, right } = two(0);
  game.input("left", { ...still, dx: -1, dy: -1 });
  game.step();
  assert.ok(Math.hypot(left.x - 400, left.y - 300) <= 14);
  steps(game, 5_000, () => game.input("left", { ...still, dx: -1, dy: -1 }));
  assert.deepEqual([left.x, left.y], [38, 38]);
  assert.equal(right.x, 500);
});

test("a round ends, then another begins at nought; the silent are out, the arena has a bound", () => {
  const { game } = two(3);
  const play = () => game.input("left", still);
  steps(game, 60_000, play);
  assert.equal(game.state().playing, false);
  assert.equal(game.players.has("right"), false, "was silent");
  steps(game, 7_000, play);
  assert.equal(game.state().playing, true);
  assert.equal(game.players.get("left").score, 0);
  const came = Array.from({ length: 20 }, (_, index) => game.input(`more ${index}`, still));
  assert.equal(came.filter(Boolean).length, 11);
});

test("a robot plays with one who is alone, and gets coins", () => {
  const game = new Game();
  game.input("me", still);
  steps(game, 10_000, () => (game.input("me", still), robotPlays(game)));
  assert.ok(game.players.get("robot").score > 0);
  game.input("another", still);
  robotPlays(game);
  assert.equal(game.players.has("robot"), false);
});

test("a publisher that is told 503 waits, says so once, and goes on", { timeout: 30_000 }, async (t) => {
  let refusals = 2;
  let requests = 0;
  const server = createServer((request, response) => {
    requests += 1;
    request.resume();
    response.writeHead(refusals-- > 0 ? 503 : 202, { "retry-after": "1" }).end("{}");
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  t.after(() => server.close());
  const lines = [];
  const publisher = new Publisher(`http://127.0.0.1:${server.address().port}`, (line) => lines.push(line));

  const began = Date.now();
  assert.equal(await publisher.publish({}), false);
  for (let count = 0; count < 50; count += 1) assert.equal(await publisher.publish({}), false);
  assert.equal(requests, 1, "asks nobody while it waits");
  while (!(await publisher.publish({}))) await new Promise((resolve) => setTimeout(resolve, 20));
  assert.equal(requests, 3);
  assert.ok(Date.now() - began >= 2_000, "as long as it was asked to wait");
  assert.deepEqual(lines, ["the gateway answers 503 {}: trying again", "the gateway is back"]);
});

test("a publisher that nobody listens to says so", async () => {
  const lines = [];
  const publisher = new Publisher("http://127.0.0.1:9", (line) => lines.push(line));
  assert.equal(await publisher.publish({}), false);
  assert.match(lines.join(), /^the gateway does not answer at http:\/\/127\.0\.0\.1:9 \(.+\): trying again$/);
});
