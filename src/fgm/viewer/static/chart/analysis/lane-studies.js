// Draws the study of a lane over its lines, in their colours: trends as dashed lines, levels between change points as steps, and the
// beats of periods as ticks at the upper edge.

import { hairline } from "../../browser/canvas.js";
import { lineStyle } from "../../browser/line-styles.js";
import { isTrend } from "../../derived/study-texts.js";
import { studyAnswers } from "../../state/analysis/studies.js";

const MAX_BEATS = 400; // more would be a solid bar
const BEAT_PX = 6, MAX_ROWS = 4; // beats of further series would cover the lines

/** Draw the study of a lane on the canvas of its uPlot. `lines`: [{line, entry}]. */
export function drawStudy(u, lane, lines) {
  const answer = studyAnswers.peek().get(lane.key);
  if (!answer) return;
  const { ctx } = u;
  const { left, top, width, height } = u.bbox;
  const x = (ms) => u.valToPos(ms / 1000, "x", true), y = (value) => u.valToPos(value, "y", true);
  const slots = new Map(lines.map(({ line, entry }) => [line.id, entry.slot]));
  ctx.save();
  ctx.beginPath();
  ctx.rect(left, top, width, height);
  ctx.clip();
  const drawn = answer.series.filter(({ id }) => slots.has(id));
  const draw = { trend: drawTrend, changepoint: drawLevels, periodicity: drawBeats }[answer.study];
  let row = 0;
  for (const series of drawn) {
    if (draw(ctx, series, lineStyle(slots.get(series.id)).colour, { x, y, top, left, width, row, from_ms: answer.from_ms, to_ms: answer.to_ms })) row += 1;
  }
  ctx.restore();
}

function drawTrend(ctx, trend, colour, { x, y }) {
  if (!isTrend(trend)) return false;
  const { from_ms, from_value, to_ms, to_value } = trend;
  const ratio = devicePixelRatio;
  ctx.strokeStyle = colour;
  ctx.lineWidth = 2 * ratio;
  ctx.setLineDash([8 * ratio, 4 * ratio]);
  ctx.beginPath();
  ctx.moveTo(x(from_ms), y(from_value));
  ctx.lineTo(x(to_ms), y(to_value));
  ctx.stroke();
  ctx.setLineDash([]);
  return true;
}

function drawLevels(ctx, { levels }, colour, { x, y }) {
  if (levels.length < 2) return false;
  const ratio = devicePixelRatio;
  levels.forEach(({ from_ms, to_ms, value }, i) => {
    hairline(ctx, x(from_ms), y(value), x(to_ms), y(value), colour, 2 * ratio);
    if (i === 0) return;
    hairline(ctx, x(from_ms), y(levels[i - 1].value), x(from_ms), y(value), colour, 2 * ratio);
    ctx.fillStyle = colour;
    ctx.beginPath();
    ctx.arc(x(from_ms), y(value), 3.5 * ratio, 0, 7);
    ctx.fill();
  });
  return true;
}

function drawBeats(ctx, { period_ms, first_ms }, colour, { x, top, row, from_ms, to_ms }) {
  if (period_ms === null || row >= MAX_ROWS || (to_ms - from_ms) / period_ms > MAX_BEATS) return false;
  const ratio = devicePixelRatio, y = top + row * (BEAT_PX + 1) * ratio;
  for (let ms = first_ms; ms < to_ms; ms += period_ms) hairline(ctx, x(ms), y, x(ms), y + BEAT_PX * ratio, colour, 2 * ratio);
  return true;
}
