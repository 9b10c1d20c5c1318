// The event lane: what happened, in three fixed rows over the shared time axis; shape, colour and letter say what.
// n and N go to the next and the one before.

import { computed } from "../vendor/signals.js";
import { html } from "../browser/html.js";
import { lastOfKilled } from "../lib/lines.js";
import { answer, end_ms, events, hover_ms, interval_ms, pinned_ms, plot, view } from "../state/store.js";
import { clock, dated, exactly } from "../lib/time-format.js";
import { pin } from "../state/view.js";

const ROW_PX = 19;
const LETTER_PX = 6.2; // a usual one of the labels
const SHAPE_PX = 10;
const MOST = 300; // marks; more would be a bar of ink
const LEAST_PX = 4; // of a bar

const CROSS = "M1 1l8 8M9 1l-8 8";
const SQUARE = "M1.5 1.5h7v7h-7z";
const FORWARD = "M1 0.5l8 4.5l-8 4.5z";
const ROUND = "M8.5 5a3.5 3.5 0 1 1 -1.2 -2.6M7.6 0v2.8h-2.8";
const DIAMOND = "M5 0.8l4.2 4.2l-4.2 4.2l-4.2 -4.2z";

/** How each kind is shown. Rows: ended, started or changed, held back. `filled`: the shape is. */
const KINDS = {
  oom_kill: { row: 0, letter: "O", word: "OOM kill", shape: CROSS, look: "oom" },
  exit: { row: 0, letter: "E", word: "", shape: SQUARE, filled: true },
  start: { row: 1, letter: "S", word: "", shape: FORWARD, filled: true },
  restart: { row: 1, letter: "R", word: "restart", shape: ROUND },
  limit_changed: { row: 1, letter: "L", word: "limit", shape: DIAMOND },
  clock_step: { row: 1, letter: "C", word: "clock set", shape: DIAMOND },
  throttling: { row: 2, letter: "T", word: "", look: "thr" },
  gap: { row: 2, letter: "G", word: "gap", look: "gap" },
};

/** Marks in ascending time: {kind, from_ms, to_ms (null: an instant), event}. */
const marks = computed(() => {
  const oldestFirst = [...events.value].reverse();
  const running = new Map(); // series → the mark of its throttling
  const found = [];
  for (const event of oldestFirst) {
    const { kind, time_ms, before, after } = event;
    if (kind === "throttling_began") {
      const mark = { kind: "throttling", from_ms: time_ms, to_ms: Infinity, event };
      running.set(event.series, mark);
      found.push(mark);
    } else if (kind === "throttling_ended") {
      const mark = running.get(event.series);
      running.delete(event.series);
      if (mark) Object.assign(mark, { to_ms: time_ms, event });
      else found.push({ kind: "throttling", from_ms: before.began_ms ?? time_ms, to_ms: time_ms, event });
    } else if (kind === "gap") {
      for (const mark of running.values()) mark.to_ms = before.tick_ms;
      running.clear();
      found.push({ kind, from_ms: before.tick_ms ?? time_ms, to_ms: time_ms, event });
    } else if (kind in KINDS && !(kind === "exit" && after.oom_killed)) {
      found.push({ kind, from_ms: time_ms, to_ms: null, event });
    }
  }
  return found.sort((a, b) => a.from_ms - b.from_ms);
});

/** The marks in view with their places, css px from the left of the plot. A label stands where there is room for it. */
const placed = computed(() => {
  const { from_ms, to_ms } = view.value;
  const { width } = plot.value;
  const x = (ms) => ((ms - from_ms) / (to_ms - from_ms)) * width;
  const inView = marks.value.filter((mark) => (mark.to_ms ?? mark.from_ms) >= from_ms && mark.from_ms < end_ms.value);
  const shown = inView.slice(-MOST).map((mark) => {
    const at = mark.to_ms === null ? x(mark.from_ms) - SHAPE_PX / 2 : Math.max(0, x(mark.from_ms));
    const wide = mark.to_ms === null ? SHAPE_PX : Math.max(LEAST_PX, Math.min(width, x(mark.to_ms)) - at);
    return { ...mark, at, wide, label: labelOf(mark) };
  });
  const next = [Infinity, Infinity, Infinity];
  for (const mark of shown.toReversed()) {
    const { row } = KINDS[mark.kind];
    mark.room = Math.min(next[row], width) - mark.at - mark.wide;
    next[row] = mark.at;
  }
  const ends = [0, 0, 0];
  for (const mark of shown) {
    const { row } = KINDS[mark.kind];
    const needs = (2 + mark.label.length) * LETTER_PX + 8;
    const isPressing = mark.kind === "oom_kill" || mark.kind === "restart" || mark.at + mark.wide + needs > width;
    const toLeft = isPressing && mark.room < needs && mark.at - ends[row] > needs;
    mark.side = mark.room >= needs ? "right" : toLeft ? "left" : mark.room >= 2 * LETTER_PX ? "letter" : "none";
    ends[row] = mark.at + mark.wide + (mark.side === "right" ? needs : 0);
  }
  return shown;
});

function labelOf({ kind, from_ms, to_ms, event }) {
  const long = to_ms === null || to_ms === Infinity ? "" : exactly(to_ms - from_ms);
  const name = event.series === "node" ? "" : event.name;
  return [KINDS[kind].word, name, long].filter(Boolean).join(" ");
}

function Mark({ mark }) {
  const { row, letter, look, shape, filled } = KINDS[mark.kind];
  const until = mark.to_ms === null || mark.to_ms === Infinity ? "" : `–${clock(mark.to_ms)}`;
  const title = `${dated(mark.from_ms, view.value)}${until} ${mark.event.name}: ${mark.event.what}`;
  const toLeft = mark.side === "left";
  const place = toLeft ? { right: `${plot.value.width - mark.at - mark.wide}px` } : { left: `${mark.at}px` };
  return html`<button tabindex="-1" class=${`event ${look ?? ""} ${toLeft ? "before" : ""}`} style=${{ ...place, top: `${row * ROW_PX}px` }}
    title=${title} aria-label=${title} data-kind=${mark.kind} onClick=${() => pin(instantOf(mark))}>
    ${shape
      ? html`<svg width="10" height="10" aria-hidden="true"><path d=${shape} fill=${filled ? "currentColor" : "none"} stroke="currentColor" /></svg>`
      : html`<i style=${{ width: `${mark.wide}px` }}></i>`}
    ${mark.side !== "none" && html`<b>${letter}</b>`}
    ${(mark.side === "right" || toLeft) && html`<span>${mark.label}</span>`}
  </button>`;
}

const tickOf = (ms) => Math.floor(ms / interval_ms.peek()) * interval_ms.peek();

/** The tick that shows an event best: of a kill, the last that the killed container lived to see. */
function instantOf({ kind, from_ms, event }) {
  const at = tickOf(Math.max(from_ms, view.peek().from_ms));
  if (kind !== "oom_kill") return at;
  const lines = [...(answer.peek()?.lines.values() ?? [])].flat().filter(({ id }) => id === event.series);
  const last = Math.max(...lines.map((line) => line.t[lastOfKilled(line, event.time_ms)] ?? -Infinity));
  return last > 0 ? last : at;
}

/** Pin the next event in view (`step` 1), or the one before (−1); the first or last where no cursor is set. */
export function jump(step) {
  const times = [...new Set(placed.peek().map(instantOf))].sort((a, b) => a - b);
  const at = pinned_ms.peek() ?? hover_ms.peek() ?? (step > 0 ? -Infinity : Infinity);
  const to = step > 0 ? times.find((ms) => ms > at) : times.findLast((ms) => ms < at);
  if (to !== undefined) pin(to);
}

export function EventLane() {
  const shown = placed.value;
  return html`<section class="events" aria-label="Events" aria-keyshortcuts="n Shift+N">
    <div class="gutter">Events<br />${shown.length}</div>
    <div class="box">${shown.map((mark) => html`<${Mark} key=${`${mark.kind} ${mark.from_ms} ${mark.event.series}`} mark=${mark} />`)}</div>
  </section>`;
}
