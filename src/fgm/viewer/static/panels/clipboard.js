// What goes to the clipboard: a link to the view, the ledger as a Markdown table. The page says that it is there.

import { signal } from "../vendor/signals.js";
import { rows } from "../derived/cursor-values.js";
import { lanes } from "../state/lanes.js";
import { permanentLink } from "../state/url.js";
import { place } from "../lib/series.js";
import { cursor_ms } from "../state/store.js";

const SAID_MS = 2500;

/** A word to whoever did something that shows nowhere else, or null. */
export const said = signal(null);
let silence = 0;

export function say(text) {
  said.value = text;
  clearTimeout(silence);
  silence = setTimeout(() => (said.value = null), SAID_MS);
}

async function copy(text, what) {
  // A page that came over plain HTTP from another machine has no clipboard.
  if (!navigator.clipboard) return say("This browser lets only pages from this machine, or over HTTPS, copy.");
  try {
    await navigator.clipboard.writeText(text);
    say(`${what} copied`);
  } catch (error) {
    say(`Not copied: ${error.message}`);
  }
}

export const copyLink = () => copy(permanentLink(), "Link");

/** Raw values with their units, so that they can be computed with. */
export function copyTable() {
  const cell = (text) => String(text).replaceAll("|", "\\|");
  const line = (cells) => `| ${cells.map(cell).join(" | ")} |`;
  const raw = (value, unit) => (value === null ? "–" : `${Number(value.toPrecision(12))} ${unit}`.trim());
  const columns = lanes.peek();
  const body = rows.value.map(({ entry, values, life }) => [
    entry.series.name, place(entry.series), life ?? "–", ...columns.map(({ key, unit }) => raw(values.get(key) ?? null, unit === "1" ? "" : unit)),
  ]);
  const head = ["container", "where", "life", ...columns.map(({ title }) => title)];
  const rule = head.map((_, i) => (i < 3 ? "---" : "--:"));
  return copy([`At ${new Date(cursor_ms.peek()).toISOString()}:`, "", ...[head, rule, ...body].map(line), ""].join("\n"), "Table");
}
