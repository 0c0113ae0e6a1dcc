// The tools beside the board: native radio buttons, so that keyboard and readers know them.

import { INKS, WIDTHS } from "/board/ink.js";

const SURE_MS = 3_000;
const $ = (id) => document.getElementById(id);

INKS.forEach((name, ink) => choice($("inks"), "ink", ink, name).style.setProperty("--ink", `var(--ink-${ink})`));
WIDTHS.forEach((width, at) => {
  const dot = choice($("widths"), "width", width, ["fine", "medium", "broad"][at]);
  dot.style.setProperty("--dot", `${width}px`);
});

function choice(group, name, value, title) {
  const label = document.createElement("label");
  const input = Object.assign(document.createElement("input"), { type: "radio", name, value, title });
  input.setAttribute("aria-label", title);
  input.checked = group.children.length === 1 + (name === "width" ? 1 : 0);
  const dot = document.createElement("span");
  label.append(input, dot);
  group.append(label);
  return dot;
}

export const tools = {
  /** `{ ink, width }` as chosen. */
  pen() {
    const chosen = (name) => Number(document.querySelector(`input[name="${name}"]:checked`).value);
    return { ink: chosen("ink"), width: chosen("width") };
  },

  onUndo(act) {
    $("undo").onclick = act;
    addEventListener("keydown", (press) => {
      if (!(press.ctrlKey || press.metaKey) || press.key !== "z" || press.target.id === "name") return;
      press.preventDefault();
      act();
    });
  },

  /** It clears for everybody: a second press within a moment says that it is meant. */
  onClear(act) {
    const button = $("clear");
    let timer;
    const calm = () => {
      clearTimeout(timer);
      button.classList.remove("sure");
      button.textContent = "Clear";
    };
    button.onclick = () => {
      if (button.classList.contains("sure")) return calm(), act();
      button.classList.add("sure");
      button.textContent = "For everybody?";
      timer = setTimeout(calm, SURE_MS);
    };
    button.onblur = calm;
  },

  say(text) {
    $("saving").textContent = text;
  },
};
