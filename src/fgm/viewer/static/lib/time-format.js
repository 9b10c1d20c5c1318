// Times as people read them: 24 hours with seconds, local unless it says UTC. Everything takes epoch ms.

export const PRESETS = [
  ["1m", 60_000],
  ["5m", 300_000],
  ["15m", 900_000],
  ["1h", 3_600_000],
  ["6h", 21_600_000],
  ["24h", 86_400_000],
];

/** The length of "all the data there is". */
export const ALL = Infinity;
/** The end of the year 9999; no instant is later. */
export const END_OF_TIME_MS = 253_402_300_800_000;

/** `ms` rounded up by less than a sixteenth, to one of few lengths; at least a minute. */
export function widened(ms) {
  const step = Math.max(60_000, 2 ** Math.ceil(Math.log2(Math.max(1, ms)) - 5));
  return Math.max(1, Math.ceil(ms / step)) * step;
}

const two = (n) => String(n).padStart(2, "0");
const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/** 14:32:10 */
export function clock(ms) {
  const d = new Date(ms);
  return `${two(d.getHours())}:${two(d.getMinutes())}:${two(d.getSeconds())}`;
}

/** 14:32 */
function shortClock(ms) {
  return clock(ms).slice(0, 5);
}

/** 13:32:10 UTC */
export function utcClock(ms) {
  return `${new Date(ms).toISOString().slice(11, 19)} UTC`;
}

/** 12 Mar, or 12 Mar 1970 where it is not this year. */
export function day(ms) {
  const d = new Date(ms), year = d.getFullYear();
  return `${d.getDate()} ${MONTHS[d.getMonth()]}${year === new Date().getFullYear() ? "" : ` ${year}`}`;
}

const sameDay = (a, b) => new Date(a).toDateString() === new Date(b).toDateString();

/** 12 Mar 08:50:00–14:50:00, or with both days where the range crosses midnight. */
export function dayRange(from_ms, to_ms) {
  const tail = sameDay(from_ms, to_ms) ? clock(to_ms) : `${day(to_ms)} ${clock(to_ms)}`;
  return `${day(from_ms)} ${clock(from_ms)}–${tail}`;
}

/** 14:20–14:50, with seconds or days only where they matter; `moving` keeps the seconds, so that the text stands still. */
export function viewRange(from_ms, to_ms, moving = false) {
  const whole = !moving && from_ms % 60_000 === 0 && to_ms % 60_000 === 0;
  const text = whole ? shortClock : clock;
  if (sameDay(from_ms, to_ms)) return `${text(from_ms)}–${text(to_ms)}`;
  return `${day(from_ms)} ${shortClock(from_ms)}–${day(to_ms)} ${shortClock(to_ms)}`;
}

/** 14:32:10, with the day where a range holds more than one. */
export function dated(ms, { from_ms, to_ms }) {
  return sameDay(from_ms, to_ms - 1) ? clock(ms) : `${day(ms)} ${clock(ms)}`;
}

/** 14:32:10 today, 12 Mar 14:32 on another day. */
export function moment(ms, now_ms) {
  return sameDay(ms, now_ms) ? clock(ms) : `${day(ms)} ${shortClock(ms)}`;
}

/** 4 s, 17 min, 3 h, 9 d: the largest unit, rounded down. */
export function roughly(ms) {
  const s = Math.max(0, Math.floor(ms / 1000));
  if (s < 60) return `${s} s`;
  if (s < 3600) return `${Math.floor(s / 60)} min`;
  if (s < 86_400) return `${Math.floor(s / 3600)} h`;
  return `${Math.floor(s / 86_400)} d`;
}

/** 4 s, 1 min 10 s, 2 h 5 min: two units, for lengths that are read exactly. */
export function exactly(ms) {
  const s = Math.round(ms / 1000);
  const parts = [
    [Math.floor(s / 86_400), "d"],
    [Math.floor(s / 3600) % 24, "h"],
    [Math.floor(s / 60) % 60, "min"],
    [s % 60, "s"],
  ].filter(([n]) => n > 0);
  return parts.length === 0 ? "0 s" : parts.slice(0, 2).map(([n, u]) => `${n} ${u}`).join(" ");
}

/** 97 s, 24 m, 6 h: one short unit, for where there is little room. */
export function briefly(ms) {
  const [, size, unit] = [[600_000, 1000, "s"], [36_000_000, 60_000, "m"], [Infinity, 3_600_000, "h"]].find(([below]) => ms < below);
  return `${Math.round(ms / size).toLocaleString("en-US")} ${unit}`;
}

/** UTC+01:00 */
export function zone(ms) {
  const minutes = -new Date(ms).getTimezoneOffset();
  const size = Math.abs(minutes);
  return `UTC${minutes < 0 ? "−" : "+"}${two(Math.floor(size / 60))}:${two(size % 60)}`;
}

const S = 1000, M = 60 * S, H = 60 * M, D = 24 * H;
const SHORT = [S, 2 * S, 5 * S, 10 * S, 15 * S, 30 * S, M, 2 * M, 5 * M, 10 * M, 15 * M, 30 * M, H, 2 * H, 3 * H, 6 * H, 12 * H, D, 2 * D, 7 * D];
const MONTHLY = [1, 3, 6, 12, 24, 60, 120, 240, 600, 1200, 6000, 12_000];
/** {ms, months}: a step in ms, or about that in whole months of the calendar. */
const STEPS = [...SHORT.map((ms) => ({ ms, months: 0 })), ...MONTHLY.map((months) => ({ ms: months * 30.44 * D, months }))];

/**
 * Where the time axis is marked, aligned to the local clock and calendar.
 * Returns {marks: [{ms, text}], minor: [ms]}; labels are at least `apart` pixels from each other.
 */
export function timeMarks(from_ms, to_ms, width, apart = 84) {
  const span = Math.max(1, to_ms - from_ms);
  const wide = (step) => (step.ms / span) * width;
  const found = STEPS.findIndex((step) => wide(step) >= apart);
  const at = found < 0 ? STEPS.length - 1 : found;
  const step = STEPS[at], fine = STEPS[Math.max(0, at - 2)];
  const marks = every(step, from_ms, to_ms).map((ms) => ({ ms, text: markText(ms, step) }));
  return { marks, minor: wide(fine) >= 6 ? every(fine, from_ms, to_ms) : [] };
}

function every({ ms: size, months }, from_ms, to_ms) {
  const out = [];
  if (months > 0) {
    const first = new Date(from_ms);
    const start = Math.floor((first.getFullYear() * 12 + first.getMonth()) / months) * months;
    // The year 2000 as a base: a Date takes the years below 100 for those of the last century.
    for (let n = start, t; (t = new Date(2000, n - 24_000, 1).getTime()) <= to_ms; n += months) if (t >= from_ms) out.push(t);
    return out;
  }
  const zoneOf = (ms) => -new Date(ms).getTimezoneOffset() * M;
  const zone_ms = zoneOf(from_ms);
  for (let t = Math.ceil((from_ms + zone_ms) / size) * size - zone_ms; t <= to_ms + H; t += size) {
    // Where the clocks were changed within the range, hours and days go by the clock of their own day.
    const at = size >= H ? t + zone_ms - zoneOf(t) : t;
    if (at >= from_ms && at <= to_ms) out.push(at);
  }
  return out;
}

function markText(ms, { ms: size, months }) {
  const d = new Date(ms);
  if (months > 0) return months % 12 === 0 ? String(d.getFullYear()) : `${MONTHS[d.getMonth()]} ${d.getFullYear()}`;
  return size >= D ? day(ms) : size < M ? clock(ms) : shortClock(ms);
}
