// The helper's own behaviour, shown on shell scripts in the gateway's place.

import assert from "node:assert/strict";
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";

import { programFrom, startGateway } from "./support.mjs";

const folder = mkdtempSync(join(tmpdir(), "roomcast-support-"));
after(() => rmSync(folder, { recursive: true }));

const LISTENS = `
echo "  public    http://\${ROOMCAST__PUBLIC__ADDRESS}"
echo "  internal  http://\${ROOMCAST__INTERNAL__ADDRESS}"`;

function script(name, body) {
  const program = join(folder, name);
  writeFileSync(program, `#!/bin/sh\n${body}\n`);
  chmodSync(program, 0o755);
  return { program };
}

test("a program that the environment does not name is an error, not a skip", () => {
  assert.throws(() => programFrom("ROOMCAST_NO_SUCH_BIN"), /ROOMCAST_NO_SUCH_BIN is not set/);
});

test("addresses are read, settings are handed over, SIGTERM ends it", async () => {
  const body = `trap 'exit 7' TERM
echo "limit $ROOMCAST__LIMITS__CONNECTIONS_MAX, stray \${ROOMCAST_STRAY-none}"
${LISTENS}
while :; do sleep 0.05; done`;
  process.env.ROOMCAST_STRAY = "seen";
  const gateway = await startGateway(
    { "public.address": "127.0.0.1:4001", "internal.address": "127.0.0.1:4002", "limits.connections_max": 5 },
    script("listens", body),
  );
  assert.equal(gateway.publicUrl, "http://127.0.0.1:4001");
  assert.equal(gateway.internalUrl, "http://127.0.0.1:4002");
  const first = gateway.pid;
  assert.equal(await gateway.restart(), 7);
  assert.notEqual(gateway.pid, first);
  assert.equal(gateway.publicUrl, "http://127.0.0.1:4001");
  assert.equal(await gateway.stop(), 7);
  assert.equal(await gateway.stop(), undefined);
  assert.match(gateway.output, /limit 5, stray none/);
});

test("a program that ends at once is an error with what it printed", async () => {
  await assert.rejects(
    startGateway({}, script("refuses", "echo 'port taken' >&2; exit 3")),
    /ended with 3; it printed:\nport taken/,
  );
});

test("a program that never says where it listens is an error", async () => {
  const options = { ...script("silent", "exec sleep 60"), startDeadlineMs: 200 };
  await assert.rejects(startGateway({}, options), /within 200 ms/);
});

test("a program that ignores SIGTERM is killed, and that is an error", async () => {
  const options = { ...script("stubborn", `trap '' TERM${LISTENS}\nwhile :; do sleep 0.05; done`), stopDeadlineMs: 200 };
  const gateway = await startGateway({}, options);
  await assert.rejects(gateway.stop(), /did not end within 200 ms of SIGTERM/);
});

test("a killed program is gone", async () => {
  const gateway = await startGateway({}, script("killed", `${LISTENS}\nexec sleep 60`));
  await gateway.kill();
  assert.equal(gateway.alive, false);
  assert.equal(await gateway.stop(), undefined);
});

test("a program that ended by itself is an error at stop", { timeout: 10_000 }, async () => {
  const gateway = await startGateway({}, script("crashes", `${LISTENS}\nsleep 0.1\nexit 9`));
  while (gateway.alive) await new Promise((resolve) => setTimeout(resolve, 10));
  await assert.rejects(gateway.stop(), /had ended by itself with 9/);
});
