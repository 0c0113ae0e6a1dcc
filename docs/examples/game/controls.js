// Keys, pointer and the button: where the player wants to go.

import { placeOf } from "/game/view.js";

const KEYS = {
  ArrowLeft: [-1, 0], KeyA: [-1, 0], ArrowRight: [1, 0], KeyD: [1, 0],
  ArrowUp: [0, -1], KeyW: [0, -1], ArrowDown: [0, 1], KeyS: [0, 1],
};
const NEAR = 14; // units: so near to the pointer is there

const field = document.getElementById("field");
const pressed = new Set();
let target;
let changed = () => {};

export const controls = {
  /** `act({ dash })` hears of every change. */
  onChange(act) {
    changed = act;
  },

  /** The way to go, each part from -1 to 1; `player` is where we are. */
  way(player) {
    if (target && player) {
      const [x, y] = [target.x - player.x, target.y - player.y];
      const far = Math.hypot(x, y);
      return far < NEAR ? { dx: 0, dy: 0 } : { dx: x / far, dy: y / far };
    }
    let [dx, dy] = [0, 0];
    for (const code of pressed) [dx, dy] = [dx + KEYS[code][0], dy + KEYS[code][1]];
    return { dx: Math.sign(dx), dy: Math.sign(dy) };
  },
};

addEventListener("keydown", (press) => {
  if (press.target.matches("input, button, a")) return;
  if (press.code === "Space") {
    press.preventDefault();
    if (!press.repeat) changed({ dash: true });
  } else if (KEYS[press.code] && !press.ctrlKey && !press.metaKey && !press.altKey) {
    press.preventDefault();
    if (press.repeat) return;
    pressed.add(press.code);
    changed();
  }
});
addEventListener("keyup", (press) => pressed.delete(press.code) && changed());
addEventListener("blur", () => {
  pressed.clear();
  changed();
});

field.addEventListener("pointerdown", (event) => {
  field.setPointerCapture(event.pointerId);
  aim(event);
  changed();
});
field.addEventListener("pointermove", (event) => target && aim(event));
for (const kind of ["pointerup", "pointercancel"]) {
  field.addEventListener(kind, () => {
    target = undefined;
    changed();
  });
}
// The way to the pointer changes while we run, without any event.
setInterval(() => target && changed(), 60);
document.getElementById("dash").addEventListener("pointerdown", () => changed({ dash: true }));
document.getElementById("dash").addEventListener("keydown", (press) => press.key === "Enter" && changed({ dash: true }));

function aim(event) {
  target = placeOf(event);
}
