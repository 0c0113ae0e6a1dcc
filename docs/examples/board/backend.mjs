// The whiteboard's backend: it keeps the board and tells the room what changes.
//
// The gateway keeps no history, so somebody has to, and a peer may close its window at any
// time. Finished strokes come here over HTTP and get a number; the room hears of them from
// here, in that order. Who sees a number missing, or comes late, loads the whole board.
// Unfinished ink and cursors go from page to page and never come here.

import { randomUUID } from "node:crypto";

import { Publisher } from "../shared/publisher.mjs";

export const ROOM = "board";
const BODY_BYTES_MAX = 128 * 1024;
const STROKES_MAX = 2_000;
const NUMBERS_MAX = 8_000;   // x and y of 4,000 points
const OUTGOING_MAX = 100;    // changes that wait for a publication before it
const RETRY_MS = 250;

/** Gives what answers requests under `/board/api/`. */
export function startBoard(api) {
  const publisher = new Publisher(api, (line) => console.error(`board: ${line}`));
  // A number means something within one run of this backend only.
  const epoch = randomUUID();
  const strokes = new Map();
  let version = 0;
  let outgoing = [];
  let telling = false;

  /** Carries a change out; why not, if it cannot be. */
  function change({ type, stroke, id, by }) {
    if (type === "stroke") {
      if (strokes.has(stroke.id)) return undefined; // a repeat, because our answer was lost
      if (strokes.size >= STROKES_MAX) return "the board is full: clear it first";
      strokes.set(stroke.id, stroke);
      record({ type, stroke });
    } else if (type === "undo") {
      // Everybody undoes their own. (Who is who is only claimed: there is no login here.)
      if (strokes.get(id)?.by === by && strokes.delete(id)) record({ type, id });
    } else {
      strokes.clear();
      record({ type: "clear" });
    }
    return undefined;
  }

  function record(what) {
    version += 1;
    outgoing.push({ version, ...what });
    if (outgoing.length > OUTGOING_MAX) outgoing = [reload()];
    tell();
  }

  const reload = () => ({ version, type: "reload" });

  /** Publishes what waits, in order. If nobody could be told of a change, there is no use in
   *  keeping it: once the gateway is back, everybody loads the board. */
  async function tell() {
    if (telling) return;
    telling = true;
    while (outgoing.length > 0) {
      const changes = outgoing.splice(0);
      const publication = { to: { rooms: [ROOM] }, event: "changes", args: [{ epoch, changes }] };
      if (await publisher.publish(publication)) continue;
      outgoing = [reload()];
      await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
    }
    telling = false;
  }

  return async function answer(request, response) {
    const send = (status, body) => {
      response.writeHead(status, { "content-type": "application/json", "cache-control": "no-store" });
      response.end(JSON.stringify(body));
    };
    if (request.method === "GET" && request.url === "/board/api/state") {
      return send(200, { epoch, version, strokes: [...strokes.values()] });
    }
    // A page of another origin may not send this type without asking first, and that is not answered.
    const isJson = request.headers["content-type"] === "application/json";
    if (request.method !== "POST" || request.url !== "/board/api/changes" || !isJson) {
      return send(404, { error: "GET /board/api/state, or POST JSON to /board/api/changes" });
    }
    const wish = read(await body(request));
    if (!wish) return send(400, { error: "not a change of the board" });
    const error = change(wish);
    return error ? send(409, { error }) : send(200, { epoch, version });
  };
}

/** The text of a request; empty if it is too long. */
async function body(request) {
  const chunks = [];
  let bytes = 0;
  for await (const chunk of request) {
    bytes += chunk.length;
    if (bytes <= BODY_BYTES_MAX) chunks.push(chunk);
  }
  return bytes <= BODY_BYTES_MAX ? Buffer.concat(chunks).toString() : "";
}

/** A change with what belongs to it and nothing else, or undefined. */
function read(text) {
  const isId = (value) => typeof value === "string" && value.length > 0 && value.length <= 64;
  const isPoint = (value) => Number.isFinite(value) && Math.abs(value) < 10_000;
  try {
    const { type, stroke, id, by } = JSON.parse(text);
    if (type === "clear") return { type };
    if (type === "undo") return isId(id) && isId(by) ? { type, id, by } : undefined;
    if (type !== "stroke" || !isId(stroke.id) || !isId(stroke.by) || !Array.isArray(stroke.points)) return undefined;
    const { ink, width, points } = stroke;
    const drawable = Number.isInteger(ink) && width > 0 && width <= 64 && points.length >= 2;
    if (!drawable || points.length > NUMBERS_MAX || !points.every(isPoint)) return undefined;
    return { type, stroke: { id: stroke.id, by: stroke.by, ink, width, points } };
  } catch {
    return undefined;
  }
}
