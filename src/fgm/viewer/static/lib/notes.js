// Notes: short texts at an instant or over a range, and their form in the URL: "FROM:TEXT" or "FROM~TO:TEXT", joined by semicolons.

import { clock, date, END_OF_TIME_MS } from "./time-format.js";
import { escapeForUrl } from "./url-escape.js";

/** Maximum number of notes. */
export const MAX_NOTES = 50;
/** Maximum number of characters of a note. */
export const MAX_TEXT = 280;

const TIME = String.raw`\d{4}-\d\d-\d\dT[\d:.]+Z`;
const ITEM = new RegExp(`^(${TIME})(?:~(${TIME}))?:(.+)$`, "s");

/** A text on one line, without control characters, and of at most MAX_TEXT characters. */
export const noteText = (text) => [...text.replace(/[\p{Cc}\s]+/gu, " ").trim()].slice(0, MAX_TEXT).join("").trimEnd();

/** Order of notes: by their beginning, their end and their text. */
export const byTime = (a, b) => a.from_ms - b.from_ms || (a.to_ms ?? a.from_ms) - (b.to_ms ?? b.from_ms) || (a.text < b.text ? -1 : Number(a.text > b.text));

/** Whether a note can be at these times. `to_ms`: null for an instant. */
export const areNoteTimes = (from_ms, to_ms) => from_ms >= 0 && from_ms < END_OF_TIME_MS && (to_ms === null || (to_ms > from_ms && to_ms < END_OF_TIME_MS));

// The URL --------------------------------------------------------------------------------------------------------

const isoTime = (ms) => new Date(ms).toISOString().replace(".000Z", "Z");

/** The value of `notes` in the URL. */
export const writeNotes = (notes) =>
  notes.map(({ from_ms, to_ms, text }) => `${isoTime(from_ms)}${to_ms === null ? "" : `~${isoTime(to_ms)}`}:${escapeForUrl(text)}`).join(";");

function unescaped(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return ""; // cut off or mistyped
  }
}

/** The notes in the value of `notes` in the URL: [{from_ms, to_ms: null for an instant, text}]. Unreadable ones are left out. */
export function readNotes(value) {
  const notes = value.split(";").flatMap((item) => {
    const [, from, to, rest = ""] = unescaped(item).match(ITEM) ?? [];
    const note = { from_ms: Date.parse(from), to_ms: to ? Date.parse(to) : null, text: noteText(rest) };
    return areNoteTimes(note.from_ms, note.to_ms) && note.text !== "" ? [note] : [];
  });
  return notes.slice(0, MAX_NOTES).sort(byTime);
}

// Times ----------------------------------------------------------------------------------------------------------

/** The times of a note: 14:32:10, or 14:32:10–14:33:00, with the date if that is not the day of `near_ms` or after `now_ms`. */
export function noteTimes({ from_ms, to_ms }, near_ms, now_ms) {
  const day = (ms) => new Date(ms).toDateString();
  const isNear = day(from_ms) === day(near_ms) && day(to_ms ?? from_ms) === day(near_ms) && (to_ms ?? from_ms) <= now_ms;
  const text = (ms) => (isNear ? clock(ms) : `${date(ms)} ${clock(ms)}`);
  return to_ms === null ? text(from_ms) : `${text(from_ms)}–${text(to_ms)}`;
}
