// Times as people type them, or paste them with the line of a log: a length, an instant, or a range. Local time unless it
// says UTC or has an offset.

const UNITS_MS = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };
const LENGTH = String.raw`(?:\d+(?:\.\d+)?\s*[smhd]\s*)+`;
const CLOCK = String.raw`\d{1,2}:\d\d(?::\d\d(?:[.,]\d+)?)?(?:\s?[ap]\.?m\b\.?)?`;
const ISO = String.raw`\d{4}-\d\d-\d\d(?:[T ]${CLOCK})?(?:\s?(?:Z|UTC|[+-]\d\d:?\d\d))?`;
const MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
const MONTH = `(?:${MONTHS.join("|")})`;
/** As web servers write it, and as syslog does. */
const LOGGED = String.raw`\d{1,2}/${MONTH}/\d{4}:${CLOCK}(?:\s?[+-]\d{4})?|${MONTH}\s+\d{1,2}\s+${CLOCK}`;
/** As the box itself writes it, and as people say it. */
const DAYED = String.raw`\d{1,2}\s+${MONTH}(?:\s+\d{4})?,?\s+${CLOCK}|(?:yesterday|today)\s+(?:at\s+)?${CLOCK}`;
const EPOCH = String.raw`\b1\d{9}(?:\d{3})?(?:\.\d+)?\b`;
const NOW = String.raw`now(?:\s*-\s*${LENGTH})?`;
const AGO = String.raw`${LENGTH}\s*ago`;
const INSTANT = [ISO, LOGGED, DAYED, NOW, AGO, EPOCH, `${CLOCK}(?:\\s?(?:Z|UTC))?`].join("|");

const pattern = (text) => new RegExp(`^(?:${text})$`, "i");
const RANGE = pattern(`(?<from>${INSTANT})\\s*(?:-|–|—|to|until|\\.\\.)\\s*(?<to>${INSTANT})`);
const AROUND = pattern(`(?<at>${INSTANT})\\s*(?:±|\\+/?-)\\s*(?<by>${LENGTH})`);
const ALONE = pattern(INSTANT);
const SPAN = pattern(LENGTH);
const ANYWHERE = new RegExp(`(?<!\\d)(?:${ISO}|${LOGGED}|${EPOCH}|${CLOCK}(?:\\s?(?:Z|UTC))?)(?![\\d:])`, "i");

/** A text that says of which day or half of the day a clock is, in a way that is not read here. */
const SAYS_MORE = /yesterday|tomorrow|today|noon|midnight|week|\b[ap]\.?m\b|\b\d{1,2}[/.]\d{1,2}[/.]\d{2,4}\b/i;

/** What may be typed, for whoever typed something else. */
export const EXAMPLES = "14:32 · 14:32:10 · 14:30-14:40 · 14:32 ±2m · 3h5m ago · now-15m · 15m · ISO 8601 · epoch s or ms · a log line";

/**
 * What a text means: {span_ms} (the newest of that length), {from_ms, to_ms}, {at_ms}, or null.
 * A clock without a day is of `near_ms`'s day, a day earlier where that would be after `now_ms`.
 */
export function readTime(text, now_ms, near_ms = now_ms) {
  const given = text.trim().replace(/\u2212/g, "-");
  const instant = (part) => readInstant(part, now_ms, near_ms);
  if (/^(all|everything)$/i.test(given)) return { span_ms: Infinity };
  if (SPAN.test(given)) return { span_ms: length(given) };
  const range = given.match(RANGE)?.groups;
  if (range) {
    const from_ms = instant(range.from);
    let to_ms = instant(range.to);
    if (to_ms < from_ms && /^\d{1,2}:/.test(range.to)) to_ms += UNITS_MS.d;
    return to_ms > from_ms ? { from_ms, to_ms } : null;
  }
  const around = given.match(AROUND)?.groups;
  if (around) return { from_ms: instant(around.at) - length(around.by), to_ms: instant(around.at) + length(around.by), at_ms: instant(around.at) };
  if (ALONE.test(given)) {
    const at_ms = instant(given);
    // "now-15m" is where a range begins, everything else a moment.
    if (/^now\s*-/i.test(given)) return { span_ms: now_ms - at_ms };
    return Number.isFinite(at_ms) ? { at_ms } : null;
  }
  const found = SAYS_MORE.test(given) ? null : given.match(ANYWHERE);
  const at_ms = found ? instant(found[0]) : NaN;
  return Number.isFinite(at_ms) ? { at_ms } : null;
}

function length(text) {
  let ms = 0;
  for (const [, count, unit] of text.toLowerCase().matchAll(/(\d+(?:\.\d+)?)\s*([smhd])/g)) ms += Number(count) * UNITS_MS[unit];
  return ms;
}

function readInstant(text, now_ms, near_ms) {
  const given = text.trim().replace(",", ".");
  if (/^now/i.test(given)) return now_ms - length(given.slice(3));
  if (/ago$/i.test(given)) return now_ms - length(given);
  if (/^1\d{9}(\.\d+)?$/.test(given)) return Number(given) * 1000;
  if (/^1\d{12}$/.test(given)) return Number(given);
  const zone = given.match(/\s?(Z|UTC|[+-]\d\d:?\d\d)$/i);
  if (/^(yesterday|today)/i.test(given)) {
    const today = clockOf(given.replace(/^\w+\s+(at\s+)?/i, ""), null, Infinity, now_ms);
    return /^y/i.test(given) ? today - UNITS_MS.d : today;
  }
  if (/[a-z]{3}/i.test(given) && !/utc$/i.test(given)) return loggedOf(given, now_ms);
  if (/^\d{4}-/.test(given)) return Date.parse(isoOf(given, zone));
  return clockOf(given, zone, now_ms, near_ms);
}

/** An ISO form that every browser takes: a T, an offset with a colon, midnight where there is no time. */
function isoOf(given, zone) {
  const offset = !zone || !/[T ]\d/.test(given) ? "" : /^(z|utc)$/i.test(zone[1]) ? "Z" : zone[1].replace(/(\d\d):?(\d\d)$/, "$1:$2");
  const bare = offset ? given.slice(0, zone.index) : given.replace(/\s?(Z|UTC)$/i, "");
  const [day, time = "00:00"] = bare.split(/[T ]/);
  return `${day}T${time.padStart(time.indexOf(":") === 1 ? time.length + 1 : 0, "0")}${offset}`;
}

function loggedOf(given, now_ms) {
  const month = (name) => String(MONTHS.indexOf(name.toLowerCase()) + 1).padStart(2, "0");
  const [, day, name, year, time, zone = ""] = given.match(/^(\d+)\/(\w+)\/(\d+):([\d:.]+)\s?([+-]\d{4})?$/) ?? [];
  if (day) return Date.parse(`${year}-${month(name)}-${day.padStart(2, "0")}T${time}${zone.replace(/\d\d$/, ":$&")}`);
  // "Mar 12 14:32:10", or "12 Mar 14:32", perhaps with a year.
  const said = given.match(/^(?:(?<month>[a-z]+)\s+(?<day>\d+)|(?<first>\d+)\s+(?<name>[a-z]+))(?:\s+(?<year>\d{4}))?,?\s+(?<clock>\S.*)$/i).groups;
  const date = `${month(said.month ?? said.name)}-${(said.day ?? said.first).padStart(2, "0")}`;
  const at = (fullYear) => clockOf(said.clock, null, Infinity, Date.parse(`${fullYear}-${date}T00:00`));
  if (said.year) return at(said.year);
  const thisYear = new Date(now_ms).getFullYear();
  return at(thisYear) > now_ms + UNITS_MS.d ? at(thisYear - 1) : at(thisYear);
}

function clockOf(given, zone, now_ms, near_ms) {
  const half = given.match(/\s?([ap])\.?m\.?$/i);
  const [hour, minutes, seconds = 0] = given.replace(/\s?(Z|UTC|[ap]\.?m\.?)$/i, "").split(":").map(Number);
  if (half && (hour < 1 || hour > 12)) return NaN;
  const hours = half ? (hour % 12) + (/p/i.test(half[1]) ? 12 : 0) : hour;
  if (hours > 23 || minutes > 59 || seconds >= 60) return NaN;
  const day = new Date(near_ms);
  const set = zone ? "setUTCHours" : "setHours";
  const ms = day[set](hours, minutes, Math.floor(seconds), Math.round((seconds % 1) * 1000));
  return ms > now_ms && near_ms > now_ms - UNITS_MS.d ? ms - UNITS_MS.d : ms;
}
