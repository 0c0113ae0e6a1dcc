// The browser of the tests: Debian's Chromium, without a screen and without calls of its own.

import { chromium } from "playwright-core";

const PROGRAM = "/usr/bin/chromium";
const ARGUMENTS = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];
/** How long anything in a page may take. */
export const DEADLINE_MS = 30_000;

export const startBrowser = () =>
  chromium.launch({ executablePath: PROGRAM, args: ARGUMENTS, timeout: 2 * DEADLINE_MS });
