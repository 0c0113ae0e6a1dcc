// Which part of the arena is seen: all of it, or on a narrow screen a part around the player,
// so that nothing is too small to play with.

export const ARENA = { width: 1000, height: 600 };

const canvas = document.getElementById("field");
let left = 0;   // where the seen part begins
let scale = 1;  // pixels of the page a unit

/** Gets the canvas ready for a frame: its resolution, and the part around `player`. */
export function look(context, player) {
  const pixels = window.devicePixelRatio || 1;
  const [width, height] = [Math.round(canvas.clientWidth * pixels), Math.round(canvas.clientHeight * pixels)];
  if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
  scale = canvas.clientHeight / ARENA.height;
  const seen = canvas.clientWidth / scale;
  const middle = (player?.x ?? ARENA.width / 2) - seen / 2;
  left = Math.max(0, Math.min(middle, ARENA.width - seen));
  context.setTransform(1, 0, 0, 1, 0, 0);
  context.clearRect(0, 0, width, height);
  context.setTransform(scale * pixels, 0, 0, scale * pixels, -left * scale * pixels, 0);
}

/** Where in the arena a pointer is. */
export function placeOf(event) {
  const box = canvas.getBoundingClientRect();
  return { x: left + (event.clientX - box.left) / scale, y: (event.clientY - box.top) / scale };
}
