// Serves the three pages on loopback, and runs the two small backends that they need.
//
//     node serve.mjs [--port 3000] [--gateway http://127.0.0.1:8080] [--api http://127.0.0.1:9090]
//                    [--round 60]
//
// `--gateway` is what browsers connect to, `--api` where backends publish, `--round` how many
// seconds a round of the game takes. A real
// application has these parts already: a web server, and backends in any language.

import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { extname, join, normalize } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

const options = read({
  port: { type: "string", default: "3000" },
  gateway: { type: "string", default: "http://127.0.0.1:8080" },
  api: { type: "string", default: "http://127.0.0.1:9090" },
  round: { type: "string", default: "60" },
});

/** The options of the command line; what is wrong with them is said in one line. */
function read(known) {
  try {
    const { values } = parseArgs({ options: known });
    for (const name of ["port", "round"]) {
      if (!/^\d{1,5}$/.test(values[name]) || values.port > 65535) throw new Error(`--${name} takes a number, not ${values[name]}`);
    }
    for (const name of ["gateway", "api"]) {
      if (!/^https?:\/\//.test(values[name])) throw new Error(`--${name} takes an address such as ${known[name].default}`);
    }
    return values;
  } catch (error) {
    console.error(`serve.mjs: ${error.message}`);
    process.exit(64);
  }
}

const HERE = fileURLToPath(new URL(".", import.meta.url));
// The stock client, as npm installed it.
const CLIENT = join(HERE, "node_modules/socket.io-client/dist/socket.io.esm.min.js");
const TYPES = { ".html": "text/html", ".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml" };
const HEADERS = {
  "cache-control": "no-cache",
  "x-content-type-options": "nosniff",
  // No script but ours and the stock client's, no connection but to here and to the gateway.
  "content-security-policy":
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; base-uri 'none'; form-action 'none'; " +
    `frame-ancestors 'none'; connect-src 'self' ${options.gateway} ${options.gateway.replace(/^http/, "ws")}`,
};

const client = await readFile(CLIENT).catch(() => {
  console.error("The stock client is not installed yet: run `npm ci` in this folder first.");
  process.exit(1);
});
const { startBoard } = await import("./board/backend.mjs");
const { startGame } = await import("./game/backend.mjs");
const board = startBoard(options.api);
startGame(options.gateway, options.api, Number(options.round) * 1000);

const server = createServer(async (request, response) => {
  try {
    const { pathname } = new URL(request.url, "http://localhost");
    if (pathname.startsWith("/board/api/")) return await board(request, response);
    const [type, body] = await content(pathname);
    response.writeHead(200, { ...HEADERS, "content-type": `${type}; charset=utf-8` }).end(body);
  } catch {
    response.writeHead(404, HEADERS).end("There is nothing at this path.\n");
  }
});

/** Type and bytes of what a page asks for; an error if there is no such thing. */
async function content(pathname) {
  if (pathname === "/socket.io.js") return [TYPES[".js"], client];
  if (pathname === "/gateway.js") return [TYPES[".js"], `export const GATEWAY = ${JSON.stringify(options.gateway)};\n`];
  // Normalized from the root, a path cannot climb out of this folder; and only the kinds of
  // files that pages are made of are served.
  const path = normalize(pathname.endsWith("/") ? `${pathname}index.html` : pathname);
  const type = TYPES[extname(path)];
  if (!type || path.includes("node_modules")) throw new Error("not a page's");
  return [type, await readFile(join(HERE, path))];
}

server.on("error", (error) => {
  console.error(`Cannot listen on 127.0.0.1:${options.port} (${error.code}): give another --port.`);
  process.exit(1);
});
server.listen(Number(options.port), "127.0.0.1", () => {
  console.log(`Examples at http://127.0.0.1:${server.address().port}/, gateway at ${options.gateway}.`);
});
