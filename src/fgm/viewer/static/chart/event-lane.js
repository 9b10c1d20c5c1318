// The event lane: events in three fixed rows over the shared time axis. Shape, colour and letter show their kind.

import { computed } from "../vendor/signals.js";
import { html } from "../browser/html.js";
import { lastSampleBeforeKill } from "../lib/lines.js";
import { clock, clockIn, duration } from "../lib/time-format.js";
import { laneSamples, end_ms, events, hover_ms, interval_ms, pinned_ms, plot, view } from "../state/store.js";
import { pin } from "../state/view.js";

const ROW_PX = 19;
const LETTER_PX = 6.2; // average width of a letter in a label
const SHAPE_PX = 10;
const MAX_MARKS = 300; // more would overlap everywhere
const MIN_BAR_PX = 4;

const CROSS = "M1 1l8 8M9 1l-8 8";
const SQUARE = "M1.5 1.5h7v7h-7z";
const FORWARD = "M1 0.5l8 4.5l-8 4.5z";
const ROUND = "M8.5 5a3.5 3.5 0 1 1 -1.2 -2.6M7.6 0v2.8h-2.8";
const DIAMOND = "M5 0.8l4.2 4.2l-4.2 4.2l-4.2 -4.2z";

/** How each kind is drawn. Row 0: exits and kills; row 1: starts and changes; row 2: throttling, other slowing and gaps, as bars. */
const KINDS = {
  oom_kill: { row: 0, letter: "O", word: "OOM kill", shape: CROSS, look: "oom" },
  exit: { row: 0, letter: "E", word: "", shape: SQUARE, filled: true },
  start: { row: 1, letter: "S", word: "", shape: FORWARD, filled: true },
  restart: { row: 1, letter: "R", word: "restart", shape: ROUND },
  limit_changed: { row: 1, letter: "L", word: "limit", shape: DIAMOND },
  clock_step: { row: 1, letter: "C", word: "clock set", shape: DIAMOND },
  throttling: { row: 2, letter: "T", word: "", look: "thr" },
  memory_high: { row: 2, letter: "H", word: "memory.high", look: "thr" },
  network_slowed: { row: 2, letter: "N", word: "network", look: "thr" },
  gap: { row: 2, letter: "G", word: "gap", look: "gap" },
};

/** All marks by time: {kind, from_ms, to_ms, event}. to_ms is null for an instant, and Infinity for what has not ended. */
const marks = computed(() => {
  const oldestFirst = [...events.value].reverse();
  const running = new Map(); // kind and series → mark of what has not ended
  const list = [];
  for (const event of oldestFirst) {
    const { kind, time_ms, before, after } = event;
    const [, lasting, edge] = kind.match(/^(.*)_(began|ended)$/) ?? [], key = `${lasting} ${event.series}`;
    if (edge === "began") {
      const mark = { kind: lasting, from_ms: time_ms, to_ms: Infinity, event };
      running.set(key, mark);
      list.push(mark);
    } else if (edge === "ended") {
      const mark = running.get(key);
      running.delete(key);
      if (mark) Object.assign(mark, { to_ms: time_ms, event });
      else list.push({ kind: lasting, from_ms: before.began_ms ?? time_ms, to_ms: time_ms, event });
    } else if (kind === "gap") {
      for (const mark of running.values()) mark.to_ms = before.tick_ms ?? time_ms;
      running.clear();
      list.push({ kind, from_ms: before.tick_ms ?? time_ms, to_ms: time_ms, event });
    } else if (kind in KINDS && !(kind === "exit" && after.oom_killed)) {
      list.push({ kind, from_ms: time_ms, to_ms: null, event });
    }
  }
  return list.sort((a, b) => a.from_ms - b.from_ms);
});

/** The marks in view with their positions in CSS px: {…mark, x, width, label, side: where there is room for the label}. */
const placedMarks = computed(() => {
  const { from_ms, to_ms } = view.value;
  const plotWidth = plot.value.width;
  const xOf = (ms) => ((ms - from_ms) / (to_ms - from_ms)) * plotWidth;
  const inView = marks.value.filter((mark) => (mark.to_ms ?? mark.from_ms) >= from_ms && mark.from_ms < end_ms.value);
  const drawn = inView.slice(-MAX_MARKS).map((mark) => {
    const isInstant = mark.to_ms === null;
    const x = isInstant ? xOf(mark.from_ms) - SHAPE_PX / 2 : Math.max(0, xOf(mark.from_ms));
    const width = isInstant ? SHAPE_PX : Math.max(MIN_BAR_PX, Math.min(plotWidth, xOf(mark.to_ms)) - x);
    return { ...mark, x, width, label: labelOf(mark) };
  });
  const next = [Infinity, Infinity, Infinity];
  for (const mark of drawn.toReversed()) {
    const { row } = KINDS[mark.kind];
    mark.room = Math.min(next[row], plotWidth) - mark.x - mark.width;
    next[row] = mark.x;
  }
  const ends = [0, 0, 0];
  for (const mark of drawn) {
    const { row } = KINDS[mark.kind];
    const labelWidth = (2 + mark.label.length) * LETTER_PX + 8;
    const mayBeLeft = mark.kind === "oom_kill" || mark.kind === "restart" || mark.x + mark.width + labelWidth > plotWidth;
    const isLeft = mayBeLeft && mark.room < labelWidth && mark.x - ends[row] > labelWidth;
    mark.side = mark.room >= labelWidth ? "right" : isLeft ? "left" : mark.room >= 2 * LETTER_PX ? "letter" : "none";
    ends[row] = mark.x + mark.width + (mark.side === "right" ? labelWidth : 0);
  }
  return drawn;
});

function labelOf({ kind, from_ms, to_ms, event }) {
  const length = to_ms === null || to_ms === Infinity ? "" : duration(to_ms - from_ms);
  const name = event.series === "node" ? "" : event.name;
  return [KINDS[kind].word, name, length].filter(Boolean).join(" ");
}

function Mark({ mark }) {
  const { row, letter, look, shape, filled } = KINDS[mark.kind];
  const until = mark.to_ms === null || mark.to_ms === Infinity ? "" : `–${clock(mark.to_ms)}`;
  const title = `${clockIn(mark.from_ms, view.value)}${until} ${mark.event.name}: ${mark.event.what}`;
  const isLeft = mark.side === "left";
  const position = isLeft ? { right: `${plot.value.width - mark.x - mark.width}px` } : { left: `${mark.x}px` };
  return html`<button tabindex="-1" class=${`event ${look ?? ""} ${isLeft ? "before" : ""}`} style=${{ ...position, top: `${row * ROW_PX}px` }}
    title=${title} aria-label=${title} data-kind=${mark.kind} onClick=${() => pin(tickOf(mark))}>
    ${shape
      ? html`<svg width="10" height="10" aria-hidden="true"><path d=${shape} fill=${filled ? "currentColor" : "none"} stroke="currentColor" /></svg>`
      : html`<i style=${{ width: `${mark.width}px` }}></i>`}
    ${mark.side !== "none" && html`<b>${letter}</b>`}
    ${(mark.side === "right" || isLeft) && html`<span>${mark.label}</span>`}
  </button>`;
}

/** The time at which a mark pins the cursor: its tick, or for a kill the last sample of the killed container. */
function tickOf({ kind, from_ms, event }) {
  const tick_ms = Math.floor(Math.max(from_ms, view.peek().from_ms) / interval_ms.peek()) * interval_ms.peek();
  if (kind !== "oom_kill") return tick_ms;
  const lines = [...(laneSamples.peek()?.lines.values() ?? [])].flat().filter(({ id }) => id === event.series);
  const last_ms = Math.max(...lines.map((line) => line.t[lastSampleBeforeKill(line, event.time_ms)] ?? -Infinity));
  return last_ms > 0 ? last_ms : tick_ms;
}

/** Pin the cursor at the next event in view (`step` 1) or the previous one (−1). Without a cursor: the first or last one. */
export function pinEvent(step) {
  const times = [...new Set(placedMarks.peek().map(tickOf))].sort((a, b) => a - b);
  const current_ms = pinned_ms.peek() ?? hover_ms.peek() ?? (step > 0 ? -Infinity : Infinity);
  const next_ms = step > 0 ? times.find((ms) => ms > current_ms) : times.findLast((ms) => ms < current_ms);
  if (next_ms !== undefined) pin(next_ms);
}

/** The lane of events. */
export function EventLane() {
  const marksInView = placedMarks.value;
  return html`<section class="events" aria-label="Events" aria-keyshortcuts="n Shift+N">
    <div class="gutter">Events<br />${marksInView.length}</div>
    <div class="box">${marksInView.map((mark) => html`<${Mark} key=${`${mark.kind} ${mark.from_ms} ${mark.event.series}`} mark=${mark} />`)}</div>
  </section>`;
}
