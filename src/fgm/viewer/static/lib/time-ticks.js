// Ticks of a time axis, aligned to the local clock and calendar.

import { clock, date, MONTHS, shortClock } from "./time-format.js";

const S = 1000, M = 60 * S, H = 60 * M, D = 24 * H;
const MONTH_MS = 30.44 * D;
const STEPS_MS = [S, 2 * S, 5 * S, 10 * S, 15 * S, 30 * S, M, 2 * M, 5 * M, 10 * M, 15 * M, 30 * M, H, 2 * H, 3 * H, 6 * H, 12 * H, D, 2 * D, 7 * D];
const STEPS_MONTHS = [1, 3, 6, 12, 24, 60, 120, 240, 600, 1200, 6000, 12_000];
/** Possible steps between ticks: {ms, months}. If months > 0, the step is that many calendar months, of about `ms`. */
const STEPS = [...STEPS_MS.map((ms) => ({ ms, months: 0 })), ...STEPS_MONTHS.map((months) => ({ ms: months * MONTH_MS, months }))];
const MIN_MINOR_PX = 6;

/** {ticks: [{ms, text}], minor: [ms]} of an axis. `width`: its width in px; `spacing`: minimum distance of labels in px. */
export function timeTicks(from_ms, to_ms, width, spacing = 84) {
  const span_ms = Math.max(1, to_ms - from_ms);
  const widthOf = (step) => (step.ms / span_ms) * width;
  const firstWide = STEPS.findIndex((step) => widthOf(step) >= spacing);
  const index = firstWide < 0 ? STEPS.length - 1 : firstWide;
  const step = STEPS[index], minorStep = STEPS[Math.max(0, index - 2)];
  const ticks = multiplesOf(step, from_ms, to_ms).map((ms) => ({ ms, text: tickLabel(ms, step) }));
  return { ticks, minor: widthOf(minorStep) >= MIN_MINOR_PX ? multiplesOf(minorStep, from_ms, to_ms) : [] };
}

function multiplesOf({ ms: step_ms, months }, from_ms, to_ms) {
  return months > 0 ? calendarMultiples(months, from_ms, to_ms) : clockMultiples(step_ms, from_ms, to_ms);
}

function calendarMultiples(months, from_ms, to_ms) {
  const times = [];
  const from = new Date(from_ms);
  const start = Math.floor((from.getFullYear() * 12 + from.getMonth()) / months) * months;
  // Months are counted from the year 2000, because Date treats the years 0 to 99 as 1900 to 1999.
  for (let n = start, ms; (ms = new Date(2000, n - 24_000, 1).getTime()) <= to_ms; n += months) if (ms >= from_ms) times.push(ms);
  return times;
}

function clockMultiples(step_ms, from_ms, to_ms) {
  const times = [];
  const offset_ms = -new Date(from_ms).getTimezoneOffset() * M;
  for (let local_ms = Math.ceil((from_ms + offset_ms - H) / step_ms) * step_ms; local_ms <= to_ms + offset_ms + H; local_ms += step_ms) {
    // If daylight saving time begins or ends in the range, ticks of more than an hour follow the local clock of their day.
    const ms = step_ms > H ? fromLocal(local_ms) : local_ms - offset_ms;
    const isSkippedByClock = step_ms > H && step_ms < D && new Date(ms).getHours() !== new Date(local_ms).getUTCHours();
    if (ms >= from_ms && ms <= to_ms && !isSkippedByClock) times.push(ms);
  }
  return times;
}

/** The instant at which the local clock shows the time of a UTC clock at `local_ms`; later if the local clock skips it. */
function fromLocal(local_ms) {
  const date = new Date(local_ms);
  return new Date(date.getUTCFullYear(), date.getUTCMonth(), date.getUTCDate(), date.getUTCHours(), date.getUTCMinutes()).getTime();
}

function tickLabel(ms, { ms: step_ms, months }) {
  const day = new Date(ms);
  if (months > 0) return months % 12 === 0 ? String(day.getFullYear()) : `${MONTHS[day.getMonth()]} ${day.getFullYear()}`;
  return step_ms >= D ? date(ms) : step_ms < M ? clock(ms) : shortClock(ms);
}
