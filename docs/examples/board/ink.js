// Draws strokes. The board is 1200 × 900 units for everybody, whatever a screen's size, and
// an ink is a number: what colour it is, the viewer's light or dark scheme decides.

import { css } from "/shared/me.js";

export const BOARD = { width: 1200, height: 900 };
export const INKS = ["black or white", "red", "blue", "green", "yellow", "violet"];
export const WIDTHS = [4, 9, 20];

/** A canvas that fills its place at the screen's resolution. */
export class Layer {
  #canvas;
  #context;

  constructor(canvas) {
    this.#canvas = canvas;
    this.#context = canvas.getContext("2d");
  }

  /** Empties it, and takes the size that it has by now. */
  clear() {
    const scale = window.devicePixelRatio || 1;
    const box = this.#canvas.getBoundingClientRect();
    this.#canvas.width = Math.round(box.width * scale);
    this.#canvas.height = Math.round(box.height * scale);
    this.#context.scale(this.#canvas.width / BOARD.width, this.#canvas.height / BOARD.height);
    this.#context.lineCap = "round";
    this.#context.lineJoin = "round";
  }

  draw({ ink, width, points }) {
    if (points.length < 2) return;
    const context = this.#context;
    context.strokeStyle = css(`--ink-${ink % INKS.length}`);
    context.lineWidth = width;
    context.beginPath();
    context.moveTo(points[0], points[1]);
    // Through the middles between points: a hand draws no corners.
    for (let at = 2; at + 3 < points.length; at += 2) {
      const [x, y, nextX, nextY] = points.slice(at, at + 4);
      context.quadraticCurveTo(x, y, (x + nextX) / 2, (y + nextY) / 2);
    }
    context.lineTo(...points.slice(-2));
    context.stroke();
  }
}

/** Where a pointer is, in units of the board. */
export function place(event, element) {
  const box = element.getBoundingClientRect();
  const x = ((event.clientX - box.left) / box.width) * BOARD.width;
  const y = ((event.clientY - box.top) / box.height) * BOARD.height;
  return [Math.round(x), Math.round(y)];
}
