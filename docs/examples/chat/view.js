// What the chat shows. Whatever came from the network is only ever set as text.

import { colourOf, me } from "/shared/me.js";
import { showPeople } from "/shared/people.js";

const ROWS_MAX = 300;
const ROOMS = ["general", "random", "music"];
const MINE = { sending: "sending…", failed: "not sent" };

const $ = (id) => document.getElementById(id);
const visited = new Set(ROOMS);

/** Shows a message, once for each `key`; gives what shows its state. */
export function addMessage({ key, id, name, text }) {
  const row = $("log").querySelector(`[data-key="${CSS.escape(String(key))}"]`) ?? newMessage({ key, id, name, text });
  return {
    state(state, retry) {
      // The acknowledgement and our own message that comes back race: sent stays sent.
      if (row.dataset.state === "sent") return;
      row.dataset.state = state;
      const line = row.querySelector(".state");
      if (!line) return;
      line.textContent = state === "sent" ? `${clock()} · sent` : MINE[state];
      if (retry) {
        const button = element("button", "", "Retry");
        button.type = "button";
        button.onclick = retry;
        line.append(button);
      }
      if (row === $("log").lastElementChild) toEnd();
    },
  };
}

function newMessage({ key, id, name, text }) {
  const mine = id === me.id;
  const row = element("li", mine ? "message mine" : "message");
  row.dataset.key = key;
  row.dataset.by = id;
  row.dataset.person = colourOf(id);
  if ($("log").lastElementChild?.dataset.by === id) row.classList.add("same");
  const who = element("div", "who");
  who.append(element("b", "", name), element("time", "", clock()));
  row.append(who, element("p", "said", String(text).slice(0, 2_000)));
  if (mine) row.append(element("p", "state"));
  add(row);
  return row;
}

/** A line about the room; `kind` "gap" for what was missed. */
export function addNotice(text, kind = "") {
  add(element("li", `notice ${kind}`, text));
}

export function clearLog() {
  $("log").replaceChildren();
}

/** Stays at the end, unless somebody is reading further up. */
function add(row) {
  const well = $("well");
  const atEnd = well.scrollHeight - well.scrollTop - well.clientHeight < 60;
  $("log").append(row);
  while ($("log").children.length > ROWS_MAX) $("log").firstElementChild.remove();
  if (atEnd || row.classList.contains("mine")) toEnd();
}

function toEnd() {
  $("well").scrollTop = $("well").scrollHeight;
}

function clock() {
  return new Date().toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
}

export function showHere(others, connected) {
  showPeople(others);
  const here = others.size ? `${others.size + 1} here` : "only you";
  // Without a connection nobody knows who is here.
  const title = `# ${$("room-title").dataset.room}${connected ? ` · ${here}` : ""}`;
  if ($("room-title").textContent !== title) $("room-title").textContent = title;
}

export function showTyping(names) {
  const text = names.length === 1 ? `${names[0]} is typing…` : names.length ? `${names.length} people are typing…` : "";
  if ($("typing").textContent !== text) $("typing").textContent = text;
}

export function showRooms(current) {
  visited.add(current);
  $("room-title").dataset.room = current;
  $("address").textContent = `#${current}`;
  $("rooms").replaceChildren(...[...visited].map((name) => {
    const link = element("a", "", name);
    link.href = `#${encodeURIComponent(name)}`;
    if (name === current) link.setAttribute("aria-current", "page");
    const row = element("li");
    row.append(link);
    return row;
  }));
  $("rooms").querySelector("[aria-current]").scrollIntoView({ block: "nearest" });
}

function element(name, kind = "", text = "") {
  const made = document.createElement(name);
  if (kind) made.className = kind;
  made.textContent = text;
  return made;
}
