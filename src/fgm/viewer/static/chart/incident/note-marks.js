// The marks of notes on the lanes and in the overview: a dashed line at an instant, a shade with dashed edges over a range.

import { computed } from "../../vendor/signals.js";
import { html } from "../../browser/html.js";
import { cssToken } from "../../browser/theme-colours.js";
import { keepWhileSame } from "../../lib/same-value.js";
import { notes, notesInView } from "../../state/incident/notes.js";
import { plot, view } from "../../state/store.js";

const FLAG_PX = 5; // size of a flag in the overview
const MIN_RANGE_PX = 2;

/** Whether a note is over a range, and some of the range can be seen. */
const isRange = (left, width) => width >= MIN_RANGE_PX;

const keepPlaced = keepWhileSame();

/** The notes in view with their positions in CSS px: [{note, left, width: 0 for an instant, begins, ends: whether that edge is in view}]. */
export const placedNotes = computed(() => {
  const { from_ms, to_ms } = view.value, { width } = plot.value;
  const xOf = (ms) => Math.round(((ms - from_ms) / (to_ms - from_ms)) * width);
  return keepPlaced(notesInView.value.map((note) => {
    const begin = xOf(note.from_ms), end = note.to_ms === null ? begin : xOf(note.to_ms);
    const left = Math.max(0, begin), right = Math.min(width, end);
    return { note, left, width: Math.max(0, right - left), begins: begin >= 0, ends: note.to_ms !== null && end <= width };
  }));
});

/** The marks of the notes on a lane. */
export function NoteShades() {
  const placed = placedNotes.value;
  return placed.length > 0 && html`<div class="note-shades" aria-hidden="true">${placed.map(({ note, left, width, begins, ends }) => html`<i
    key=${`${note.from_ms} ${note.to_ms} ${note.text}`} class=${`${isRange(left, width) ? "range" : ""} ${begins ? "begins" : ""} ${ends ? "ends" : ""}`}
    style=${{ left: `${left}px`, width: `${width}px` }}></i>`)}</div>`;
}

/** Draw the notes in the overview, between the heights `top` and `base`. `x`: function from ms to the position. */
export function drawOverviewNotes(ctx, x, top, base) {
  for (const { from_ms, to_ms } of notes.peek()) {
    const left = Math.round(x(from_ms)), width = to_ms === null ? 0 : x(to_ms) - left;
    ctx.fillStyle = cssToken("ink");
    if (width > 0) {
      ctx.globalAlpha = 0.12;
      ctx.fillRect(left, top, width, base - top);
      ctx.globalAlpha = 1;
    }
    ctx.fillRect(left, top, 1, base - top);
    ctx.beginPath();
    ctx.moveTo(left, top);
    ctx.lineTo(left + FLAG_PX + 1, top + FLAG_PX / 2);
    ctx.lineTo(left, top + FLAG_PX);
    ctx.fill();
  }
}
