// Times in the dialogs: an instant or a range, as a text that a person can change.

import { areNoteTimes, noteTimes } from "../../lib/notes.js";
import { readTime } from "../../lib/time-parse.js";
import { edge_ms, view } from "../../state/store.js";

/** Examples of texts that are read as times. */
export const EXAMPLES = "14:32:10 · 14:30-14:40 · 14:32 ±2m · yesterday 14:32 · 12 Mar 14:32 · ISO 8601 · a log line";

/** The day of a time of day without a date: that of the last tick in view. */
const near_ms = () => Math.min(edge_ms.peek(), view.peek().to_ms - 1);

/** The text of times {from_ms, to_ms: null for an instant}. */
export const timesText = (times) => noteTimes(times, near_ms(), edge_ms.peek());

/** The times {from_ms, to_ms: null for an instant} that a text describes, or null. */
export function readTimes(text) {
  const time = readTime(text, edge_ms.peek(), near_ms());
  if (time === null) return null;
  const isSpan = time.span_ms !== undefined; // the newest data of that length
  const from_ms = isSpan ? edge_ms.peek() - time.span_ms : time.from_ms ?? time.at_ms;
  const to_ms = isSpan ? edge_ms.peek() : time.to_ms ?? null;
  return areNoteTimes(from_ms, to_ms) ? { from_ms, to_ms } : null;
}
