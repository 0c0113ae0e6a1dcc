// The connection to the gateway: the stock client, and what every page needs around it.

import { io } from "/socket.io.js";
import { GATEWAY } from "/gateway.js";

const ANSWER_MS = 5_000;
const AGAIN_MS = 2_000;

/**
 * Connects, and subscribes to `rooms()` at every connect: rooms end with the connection.
 * `onReady(awayMs)` says when the page is in its rooms, and for how long it was not
 * (undefined the first time); `onAway()` says when it no longer is.
 */
export function connect({ rooms, onReady = () => {}, onAway = () => {} }) {
  const socket = io(GATEWAY, { reconnectionDelay: 500, reconnectionDelayMax: 5_000 });
  let awaySince;
  showState("wait", "connecting…");

  socket.on("connect", async () => {
    const connection = socket.id;
    while (socket.id === connection) {
      try {
        await ask(socket, "subscribe", rooms());
        if (socket.id !== connection) return;
        showState("on", "connected");
        onReady(awaySince && Date.now() - awaySince);
        awaySince = undefined;
        return;
      } catch (error) {
        if (socket.id === connection) showState("off", "not in the room", `Not in the room (${error.message}): trying again.`);
        await new Promise((resolve) => setTimeout(resolve, AGAIN_MS));
      }
    }
  });

  socket.on("disconnect", (reason) => {
    awaySince ??= Date.now();
    // `active` is false when the gateway has sent us away for good, and then the client
    // does not come back by itself.
    if (socket.active) showState("wait", "reconnecting…", "The connection is lost: trying again.");
    else showState("off", "disconnected", `The gateway ended the connection (${reason}). Reload to come back.`);
    onAway();
  });

  socket.on("connect_error", (error) => {
    if (!socket.active) return showState("off", "refused", `The gateway refused: ${error.message}.`);
    if (awaySince) showState("wait", "reconnecting…", "The gateway does not answer: trying again.");
    else showState("wait", "connecting…", `No answer from ${GATEWAY}. Does the gateway run? Trying again.`);
  });

  // Answers to what was sent without asking for an acknowledgement.
  socket.on("roomcast:error", (error) => console.warn(`gateway: ${error.code}: ${error.message}`));
  return socket;
}

/** Emits and gives the gateway's answer; a refusal, or none in time, is an error. */
export async function ask(socket, event, ...args) {
  const answer = await socket.timeout(ANSWER_MS).emitWithAck(event, ...args);
  if (!answer.ok) throw new Error(`${answer.error.code}: ${answer.error.message}`);
  return answer;
}

/** Publishes without an acknowledgement; not at all without a connection. */
export function tell(socket, room, event, value) {
  if (socket.connected) socket.emit("publish", room, event, value);
}

/** For what is worthless a moment later: dropped here while the connection is not ready. */
export function hint(socket, room, event, value) {
  socket.volatile.emit("publish", room, event, value);
}

/** Shows the state in `#status`; `trouble` goes into `#banner`. */
function showState(state, text, trouble = "") {
  const status = document.getElementById("status");
  const banner = document.getElementById("banner");
  status.dataset.state = state;
  status.textContent = text;
  banner.textContent = trouble;
  banner.hidden = trouble === "";
  document.body.dataset.connection = state;
}
