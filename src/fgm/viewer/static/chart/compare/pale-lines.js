// Draws the lines of the other range under those in view: in their colours, broad and pale, moved to the time of the view.

import { lineStyle } from "../../browser/line-styles.js";
import { GAP_INTERVALS, lineInterval } from "../../lib/lines.js";

const WIDTH_PX = 4, OPACITY = 0.32;

/** Draw lines on the canvas of a uPlot. `lines`: [{line, entry}]; `step_ms`: the usual distance between their samples. */
export function drawPaleLines(u, lines, shift_ms, step_ms) {
  const { ctx } = u;
  const { left, top, width, height } = u.bbox;
  const { min, max } = u.scales.x;
  const x = (ms) => left + width * (((ms + shift_ms) / 1000 - min) / (max - min));
  const y = (value) => u.valToPos(value, "y", true);
  ctx.save();
  ctx.beginPath();
  ctx.rect(left, top - WIDTH_PX * devicePixelRatio, width, height + 2 * WIDTH_PX * devicePixelRatio);
  ctx.clip();
  ctx.globalAlpha = OPACITY;
  ctx.lineWidth = WIDTH_PX * devicePixelRatio;
  ctx.lineJoin = "round";
  for (const { line, entry } of lines) {
    ctx.strokeStyle = lineStyle(entry.slot).colour;
    ctx.stroke(pathOf(line, x, y, GAP_INTERVALS * lineInterval(line, step_ms)));
  }
  ctx.restore();
}

/** The path of a line, interrupted at gaps. A sample between two gaps is a dot. */
function pathOf({ t, v }, x, y, gap_ms) {
  const path = new Path2D();
  let last_ms = -Infinity;
  for (let i = 0; i < t.length; i += 1) {
    if (v[i] === null) continue;
    const [at, height] = [x(t[i]), y(v[i])];
    if (t[i] - last_ms > gap_ms) path.moveTo(at - 0.5, height);
    path.lineTo(at, height);
    last_ms = t[i];
  }
  return path;
}
