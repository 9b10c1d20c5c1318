// Times as people read them: 24 hours with seconds, local unless it says UTC. Everything takes epoch ms.

export const PRESETS = [
  ["1m", 60_000],
  ["5m", 300_000],
  ["15m", 900_000],
  ["1h", 3_600_000],
  ["6h", 21_600_000],
  ["24h", 86_400_000],
];

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

/** 12 Mar */
export function day(ms) {
  const d = new Date(ms);
  return `${d.getDate()} ${MONTHS[d.getMonth()]}`;
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

/** UTC+01:00 */
export function zone(ms) {
  const minutes = -new Date(ms).getTimezoneOffset();
  const size = Math.abs(minutes);
  return `UTC${minutes < 0 ? "−" : "+"}${two(Math.floor(size / 60))}:${two(size % 60)}`;
}

const S = 1000, M = 60 * S, H = 60 * M, D = 24 * H;
const STEPS = [S, 2 * S, 5 * S, 10 * S, 15 * S, 30 * S, M, 2 * M, 5 * M, 10 * M, 15 * M, 30 * M, H, 2 * H, 3 * H, 6 * H, 12 * H, D, 2 * D, 7 * D];

/**
 * Where the time axis is marked, aligned to the local clock.
 * Returns {marks: [{ms, text}], minor: [ms]}; labels are at least `apart` pixels from each other.
 */
export function timeMarks(from_ms, to_ms, width, apart = 84) {
  const span = Math.max(1, to_ms - from_ms);
  const at = Math.max(0, STEPS.findIndex((step) => (step / span) * width >= apart));
  const step = STEPS.find((s) => (s / span) * width >= apart) ?? STEPS.at(-1);
  const fine = STEPS[Math.max(0, at - 2)];
  const zone_ms = -new Date(from_ms).getTimezoneOffset() * M;
  const every = (size) => {
    const out = [];
    for (let t = Math.ceil((from_ms + zone_ms) / size) * size - zone_ms; t <= to_ms; t += size) out.push(t);
    return out;
  };
  const text = (ms) => (step >= D ? day(ms) : step < M ? clock(ms) : shortClock(ms));
  return { marks: every(step).map((ms) => ({ ms, text: text(ms) })), minor: (fine / span) * width >= 6 ? every(fine) : [] };
}
