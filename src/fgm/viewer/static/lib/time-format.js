// Formats times and durations: 24-hour clock, and local time except in utcClock(). All arguments are ms; instants are epoch ms.

/** Lengths of the view that may have a button: [[name, ms]]. */
export const PRESETS = [
  ["1m", 60_000],
  ["5m", 300_000],
  ["15m", 900_000],
  ["1h", 3_600_000],
  ["6h", 21_600_000],
  ["24h", 86_400_000],
  ["7d", 604_800_000],
  ["30d", 2_592_000_000],
];
const ALWAYS_MS = 86_400_000; // lengths up to this one are offered however little data there is

/** The lengths to offer for an amount of data: up to a day, and the longer ones that show more than the one before. */
export function presetsFor(data_ms) {
  return PRESETS.filter(([, length_ms], i) => length_ms <= ALWAYS_MS || data_ms > PRESETS[i - 1][1]);
}

/** Length of a live view that shows all data. */
export const ALL = Infinity;
/** The end of the year 9999, the latest instant that the page shows. */
export const END_OF_TIME_MS = 253_402_300_800_000;

/** Round a length up, by less than a sixteenth, to one of few lengths. The result is at least a minute. */
export function widened(ms) {
  const step = Math.max(60_000, 2 ** Math.ceil(Math.log2(Math.max(1, ms)) - 5));
  return Math.max(1, Math.ceil(ms / step)) * step;
}

const two = (n) => String(n).padStart(2, "0");
/** Short English names of the months. */
export const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/** A time of day: 14:32:10. */
export function clock(ms) {
  const d = new Date(ms);
  return `${two(d.getHours())}:${two(d.getMinutes())}:${two(d.getSeconds())}`;
}

/** A time of day without seconds: 14:32. */
export function shortClock(ms) {
  return clock(ms).slice(0, 5);
}

/** A time of day in UTC: 13:32:10 UTC. */
export function utcClock(ms) {
  return `${new Date(ms).toISOString().slice(11, 19)} UTC`;
}

/** A date: 12 Mar, or 12 Mar 1970 in another year. */
export function date(ms) {
  const d = new Date(ms), year = d.getFullYear();
  return `${d.getDate()} ${MONTHS[d.getMonth()]}${year === new Date().getFullYear() ? "" : ` ${year}`}`;
}

const sameDay = (a, b) => new Date(a).toDateString() === new Date(b).toDateString();

/** A range with its date: 12 Mar 08:50:00–14:50:00. Both dates are given if the range crosses midnight. */
export function datedRange(from_ms, to_ms) {
  const tail = sameDay(from_ms, to_ms) ? clock(to_ms) : `${date(to_ms)} ${clock(to_ms)}`;
  return `${date(from_ms)} ${clock(from_ms)}–${tail}`;
}

/** A range: 14:20–14:50, with seconds or dates only if they matter. A `moving` range always has seconds, to keep its form. */
export function viewRange(from_ms, to_ms, moving = false) {
  const whole = !moving && from_ms % 60_000 === 0 && to_ms % 60_000 === 0;
  const text = whole ? shortClock : clock;
  if (sameDay(from_ms, to_ms)) return `${text(from_ms)}–${text(to_ms)}`;
  return `${date(from_ms)} ${shortClock(from_ms)}–${date(to_ms)} ${shortClock(to_ms)}`;
}

/** A time in a range {from_ms, to_ms}: 14:32:10, with the date if the range covers more than one day. */
export function clockIn(ms, { from_ms, to_ms }) {
  return sameDay(from_ms, to_ms - 1) ? clock(ms) : `${date(ms)} ${clock(ms)}`;
}

/** A time: 14:32:10 on the day of `now_ms`, or 12 Mar 14:32 on another day. */
export function clockOrDate(ms, now_ms) {
  return sameDay(ms, now_ms) ? clock(ms) : `${date(ms)} ${shortClock(ms)}`;
}

/** A duration in its largest unit, rounded down: 4 s, 17 min, 3 h, 9 d. */
export function roughDuration(ms) {
  const s = Math.max(0, Math.floor(ms / 1000));
  if (s < 60) return `${s} s`;
  if (s < 3600) return `${Math.floor(s / 60)} min`;
  if (s < 86_400) return `${Math.floor(s / 3600)} h`;
  return `${Math.floor(s / 86_400)} d`;
}

/** A duration in two units: 4 s, 1 min 10 s, 2 h 5 min. */
export function duration(ms) {
  const s = Math.round(ms / 1000);
  const parts = [
    [Math.floor(s / 86_400), "d"],
    [Math.floor(s / 3600) % 24, "h"],
    [Math.floor(s / 60) % 60, "min"],
    [s % 60, "s"],
  ].filter(([n]) => n > 0);
  return parts.length === 0 ? "0 s" : parts.slice(0, 2).map(([n, u]) => `${n} ${u}`).join(" ");
}

/** A rounded duration in few letters: 97 s, 24 m, 6 h. */
export function shortDuration(ms) {
  const [, size, unit] = [[600_000, 1000, "s"], [36_000_000, 60_000, "m"], [Infinity, 3_600_000, "h"]].find(([below]) => ms < below);
  return `${Math.round(ms / size).toLocaleString("en-US")} ${unit}`;
}

/** The offset of local time from UTC at an instant: UTC+01:00. */
export function utcOffset(ms) {
  const minutes = -new Date(ms).getTimezoneOffset();
  const size = Math.abs(minutes);
  return `UTC${minutes < 0 ? "−" : "+"}${two(Math.floor(size / 60))}:${two(size % 60)}`;
}

const UTC_DAY_MS = 86_400_000;

/** A sentence with local times of day instead of those in UTC, such as "14:32:10 UTC". `near_ms`: an instant less than half a day away. */
export function withLocalTimes(text, near_ms) {
  return text.replace(/\b(\d\d):(\d\d):(\d\d)(?: UTC)?\b/g, (_, hours, minutes, seconds) => {
    const ofDay_ms = 1000 * (3600 * hours + 60 * minutes + Number(seconds));
    return clock(ofDay_ms + UTC_DAY_MS * Math.round((near_ms - ofDay_ms) / UTC_DAY_MS));
  });
}
