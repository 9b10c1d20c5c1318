// Parses times that people type, or that are in a pasted log line: a length, an instant, or a range. Times are local unless the
// text contains UTC or an offset.

import { MONTHS } from "./time-format.js";

const UNIT_MS = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };
const LENGTH = String.raw`(?:\d+(?:\.\d+)?\s*[smhd]\s*)+`;
const CLOCK = String.raw`\d{1,2}:\d\d(?::\d\d(?:[.,]\d+)?)?(?:\s?[ap]\.?m\b\.?)?`;
const MONTH = `(?:${MONTHS.join("|")})`;

/**
 * The forms of an instant. `read(text, now_ms, near_ms)` returns epoch ms, or NaN for an impossible time such as 25:70. `inLog`:
 * whether the form is also recognized inside a log line.
 */
const INSTANTS = [
  { example: "14:32:10", inLog: true, pattern: String.raw`${CLOCK}(?:\s?(?:Z|UTC))?`, read: readClock },
  { example: "3h5m ago", pattern: String.raw`${LENGTH}\s*ago`, read: (text, now_ms) => now_ms - readLength(text) },
  { pattern: String.raw`now(?:\s*-\s*${LENGTH})?`, read: (text, now_ms) => now_ms - readLength(text) },
  { example: "yesterday 14:32", pattern: String.raw`(?:yesterday|today)\s+(?:at\s+)?${CLOCK}`, read: readYesterdayOrToday },
  { example: "12 Mar 14:32", pattern: String.raw`\d{1,2}\s+${MONTH}(?:\s+\d{4})?,?\s+${CLOCK}`, read: readDate },
  { inLog: true, pattern: String.raw`${MONTH}\s+\d{1,2}\s+${CLOCK}`, read: readDate },
  { inLog: true, pattern: String.raw`\d{1,2}/${MONTH}/\d{4}:${CLOCK}(?:\s?[+-]\d{4})?`, read: readWebServerTime },
  { example: "ISO 8601", inLog: true, pattern: String.raw`\d{4}-\d\d-\d\d(?:[T ]${CLOCK})?(?:\s?(?:Z|UTC|[+-]\d\d:?\d\d))?`, read: readIso },
  { example: "epoch s or ms", inLog: true, pattern: String.raw`\b1\d{9}(?:\d{3})?(?:\.\d+)?\b`, read: readEpoch },
];
const anyOf = (forms) => `(?:${forms.map(({ pattern }) => pattern).join("|")})`;
const INSTANT = anyOf(INSTANTS);

const whole = (pattern) => new RegExp(`^(?:${pattern})$`, "i");

/** Words that change the day or the am/pm of a time in a log line. If a line contains one, its time is not guessed. */
const AMBIGUOUS = /yesterday|tomorrow|today|noon|midnight|week|\b[ap]\.?m\b|\b\d{1,2}[/.]\d{1,2}[/.]\d{2,4}\b/i;

/** The forms of a text; the first that matches is used. `read(match, instant)` returns the result of readTime(). */
const TEXTS = [
  { example: "14:30-14:40", pattern: whole(String.raw`(?<from>${INSTANT})\s*(?:-|–|—|to|until|\.\.)\s*(?<to>${INSTANT})`), read: readRange },
  { example: "14:32 ±2m", pattern: whole(String.raw`(?<center>${INSTANT})\s*(?:±|\+/?-)\s*(?<margin>${LENGTH})`), read: readAround },
  { example: "15m", pattern: whole(LENGTH), read: ([text]) => ({ span_ms: readLength(text) }) },
  { example: "now-15m", pattern: whole(String.raw`now\s*-\s*${LENGTH}`), read: ([text]) => ({ span_ms: readLength(text) }) },
  { example: "all", pattern: /^(?:all|everything)$/i, read: () => ({ span_ms: Infinity }) },
  { pattern: whole(INSTANT), read: ([text], instant) => readAlone(text, instant) },
  {
    example: "a log line",
    pattern: new RegExp(`(?<!\\d)${anyOf(INSTANTS.filter(({ inLog }) => inLog))}(?![\\d:])`, "i"),
    read: (match, instant) => (AMBIGUOUS.test(match.input) ? null : readAlone(match[0], instant)),
  },
];

/** Examples of accepted texts, shown if a text was not understood. */
export const TIME_EXAMPLES = [...TEXTS, ...INSTANTS].flatMap(({ example }) => example ?? []).join(" · ");

/**
 * The meaning of a text: {span_ms} (the newest data of that length), {from_ms, to_ms}, {at_ms}, or {from_ms, to_ms, at_ms}; null
 * if it is not understood. A time of day without a date is on the day of `near_ms`, or a day earlier if that is after `now_ms`.
 */
export function readTime(text, now_ms, near_ms = now_ms) {
  const typed = text.trim().replace(/\u2212/g, "-");
  const instant = (part) => {
    const trimmed = part.trim();
    return INSTANTS.find(({ pattern }) => whole(pattern).test(trimmed)).read(trimmed, now_ms, near_ms);
  };
  for (const { pattern, read } of TEXTS) {
    const match = typed.match(pattern);
    if (match) return read(match, instant);
  }
  return null;
}

function readRange({ groups }, instant) {
  const from_ms = instant(groups.from);
  let to_ms = instant(groups.to);
  if (to_ms < from_ms && /^\d{1,2}:/.test(groups.to)) to_ms = addDays(to_ms, 1); // across midnight
  return to_ms > from_ms ? { from_ms, to_ms } : null;
}

function readAround({ groups }, instant) {
  const at_ms = instant(groups.center), margin_ms = readLength(groups.margin);
  return Number.isFinite(at_ms) ? { from_ms: at_ms - margin_ms, to_ms: at_ms + margin_ms, at_ms } : null;
}

function readAlone(text, instant) {
  const at_ms = instant(text);
  return Number.isFinite(at_ms) ? { at_ms } : null;
}

function readLength(text) {
  let ms = 0;
  for (const [, count, unit] of text.toLowerCase().matchAll(/(\d+(?:\.\d+)?)\s*([smhd])/g)) ms += Number(count) * UNIT_MS[unit];
  return ms;
}

function readEpoch(text) {
  return /^\d{13}/.test(text) ? Number(text) : Number(text) * 1000;
}

function readYesterdayOrToday(text, now_ms) {
  const near_ms = /^y/i.test(text) ? addDays(now_ms, -1) : now_ms;
  return readClock(text.replace(/^\w+\s+(at\s+)?/i, ""), Infinity, near_ms);
}

const monthNumber = (name) => String(MONTHS.findIndex((month) => month.toLowerCase() === name.toLowerCase()) + 1).padStart(2, "0");

/** Epoch ms of "Mar 12 14:32:10" or "12 Mar 14:32"; NaN if impossible. Without a year, it is the most recent such day. */
function readDate(text, now_ms) {
  const order = /^\d/.test(text) ? String.raw`(?<day>\d+)\s+(?<month>[a-z]+)` : String.raw`(?<month>[a-z]+)\s+(?<day>\d+)`;
  const { month, day, year, clock } = text.match(new RegExp(String.raw`^${order}(?:\s+(?<year>\d{4}))?,?\s+(?<clock>\S.*)$`, "i")).groups;
  const inYear = (number) => {
    const midnight_ms = Date.parse(`${number}-${monthNumber(month)}-${day.padStart(2, "0")}T00:00`);
    // Not every year has a 29 February, and none has a 30 February.
    return new Date(midnight_ms).getDate() === Number(day) ? readClock(clock, Infinity, midnight_ms) : NaN;
  };
  if (year) return inYear(year);
  // If the time zone of the log is ahead of this browser's, the log may already be in the new year.
  const thisYear = new Date(now_ms).getFullYear();
  return [thisYear + 1, thisYear, thisYear - 1].map(inYear).find((ms) => ms <= now_ms + UNIT_MS.d) ?? NaN;
}

/** Epoch ms of "12/Mar/2026:13:32:10 +0000", as web servers log it; NaN if impossible. */
function readWebServerTime(text) {
  const [, day, month, year, clock, offset = ""] = text.match(/^(\d+)\/(\w+)\/(\d+):([\d:.,]+)\s?([+-]\d{4})?$/) ?? [];
  if (!day) return NaN; // with "am" or "pm", which no web server writes
  return Date.parse(`${year}-${monthNumber(month)}-${day.padStart(2, "0")}T${clock.replace(",", ".")}${offset.replace(/\d\d$/, ":$&")}`);
}

/** Epoch ms of an ISO 8601 time; NaN if impossible. Date.parse needs a T, a colon in the offset, and a time of day. */
function readIso(text) {
  const zone = text.match(/\s?(Z|UTC|[+-]\d\d:?\d\d)$/i);
  const offset = !zone || !/[T ]\d/.test(text) ? "" : /^(z|utc)$/i.test(zone[1]) ? "Z" : zone[1].replace(/(\d\d):?(\d\d)$/, "$1:$2");
  const local = offset ? text.slice(0, zone.index) : text.replace(/\s?(Z|UTC)$/i, "");
  const [day, clock = "00:00"] = local.replace(",", ".").split(/[T ]/);
  return Date.parse(`${day}T${clock.indexOf(":") === 1 ? `0${clock}` : clock}${offset}`);
}

/** Epoch ms of a time of day such as "14:32", "14:32:10.250", "2:32 PM" or "13:32 UTC"; NaN if impossible. */
function readClock(text, now_ms, near_ms) {
  const half = text.match(/\s?([ap])\.?m\.?$/i);
  const isUtc = /(Z|UTC)$/i.test(text);
  const [hour, minutes, seconds = 0] = text.replace(",", ".").replace(/\s?(Z|UTC|[ap]\.?m\.?)$/i, "").split(":").map(Number);
  if (half && (hour < 1 || hour > 12)) return NaN;
  const hours = half ? (hour % 12) + (/p/i.test(half[1]) ? 12 : 0) : hour;
  if (hours > 23 || minutes > 59 || seconds >= 60) return NaN;
  const setHours = isUtc ? "setUTCHours" : "setHours";
  const onDayOf = (ms) => new Date(ms)[setHours](hours, minutes, Math.floor(seconds), Math.round((seconds % 1) * 1000));
  const dayBefore_ms = isUtc ? near_ms - UNIT_MS.d : addDays(near_ms, -1);
  return onDayOf(near_ms) > now_ms && near_ms > now_ms - UNIT_MS.d ? onDayOf(dayBefore_ms) : onDayOf(near_ms);
}

/** The same local time, `days` later. Not every day has 24 hours. */
function addDays(ms, days) {
  const date = new Date(ms);
  return date.setDate(date.getDate() + days);
}
