// A chat without a backend of its own: everybody publishes to the room, everybody is
// subscribed to it. The room is the part of the address after `#`.

import { ask, connect, hint } from "/shared/gateway.js";
import { me, nameField } from "/shared/me.js";
import { People } from "/shared/people.js";
import { addMessage, addNotice, clearLog, showHere, showRooms, showTyping } from "/chat/view.js";

const TYPING_MS = 3_000;

let room = roomOfAddress();
let typingSaid = 0;

const socket = connect({ rooms: () => [room], onReady: ready, onAway: () => people.clear() });
const people = new People(socket, () => room, { onChange: refresh, onNotice: addNotice });

/** `chat:` keeps these rooms apart from those of the other examples. */
function roomOfAddress() {
  let name = location.hash.slice(1);
  try { name = decodeURIComponent(name); } catch { /* a stray percent sign: take it as it is */ }
  return `chat:${[...name].slice(0, 40).join("").trim() || "general"}`;
}

function ready(awayMs) {
  if (awayMs !== undefined) {
    // The gateway keeps nothing for those who are away. Not to say so would be a lie.
    const seconds = Math.max(1, Math.round(awayMs / 1000));
    addNotice(`You were away for ${seconds} s. What was said meanwhile is not shown: no history is kept.`, "gap");
  }
  people.say("joined");
}

people.on("typing", (_, person) => { person.typing = Date.now() + TYPING_MS; });
people.on("message", ({ id, key, text }, person) => {
  person.typing = 0;
  addMessage({ key, id, name: person.name, text });
});
// What I publish comes back to me like anybody's: it has been said.
socket.on("message", (value) => {
  if (value?.id === me.id && value.room === room) addMessage({ ...value, name: me.name }).state("sent");
});

function refresh() {
  const others = [...people.others.values()];
  showHere(people.others, socket.connected);
  showTyping(others.filter(({ typing }) => typing > Date.now()).map(({ name }) => name));
}

/** Publishes a message and says what became of it. `key` is the same at a retry: if only the
 *  acknowledgement was lost, nobody sees the message twice. */
async function send(text, key = crypto.randomUUID()) {
  const to = room;
  const message = addMessage({ key, id: me.id, name: me.name, text });
  message.state("sending");
  try {
    // Without a connection it waits for the next one, and `ask` gives up in time.
    await ask(socket, "publish", to, "message", people.about({ key, text }));
    message.state("sent");
  } catch {
    message.state("failed", () => send(text, key));
  }
}

async function changeRoom() {
  const before = room;
  if (roomOfAddress() === before) return;
  people.say("left");
  room = roomOfAddress();
  clearLog();
  showRooms(room.slice("chat:".length));
  people.clear();
  try {
    // Without a connection there is nothing to leave; the next connect subscribes to the new room.
    if (!socket.connected) return;
    await ask(socket, "unsubscribe", before);
    await ask(socket, "subscribe", room);
    ready();
  } catch (error) {
    addNotice(`The room could not be entered: ${error.message}`, "gap");
  }
}

const text = document.getElementById("text");
document.getElementById("composer").addEventListener("submit", (press) => {
  press.preventDefault();
  if (text.value.trim()) send(text.value.trim());
  text.value = "";
  typingSaid = 0;
});
text.addEventListener("input", () => {
  // Once in a while is enough, and one that is lost is no loss.
  if (!text.value || Date.now() - typingSaid < TYPING_MS / 2) return;
  typingSaid = Date.now();
  hint(socket, room, "typing", people.about());
});
document.getElementById("opening").addEventListener("submit", (press) => {
  press.preventDefault();
  const other = document.getElementById("other");
  if (other.value.trim()) location.hash = encodeURIComponent(other.value.trim());
  other.value = "";
});
addEventListener("hashchange", changeRoom);
nameField((before) => {
  people.say("renamed", { before });
  addNotice(`You are now ${me.name}`);
});
showRooms(room.slice("chat:".length));
refresh();
