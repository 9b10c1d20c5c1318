// Copies a link to the view, or the cursor table as a Markdown table.

import { cursorRows } from "../derived/cursor-values.js";
import { locationOf } from "../lib/series.js";
import { valueLanes } from "../state/lanes.js";
import { showToast } from "../state/page.js";
import { cursor_ms } from "../state/store.js";
import { permanentLink } from "../state/url.js";

async function copy(text, name) {
  // Browsers have no clipboard for pages over plain HTTP from another machine.
  if (!navigator.clipboard) return showToast("Copying needs HTTPS or localhost.");
  try {
    await navigator.clipboard.writeText(text);
    showToast(`${name} copied`);
  } catch (error) {
    showToast(`${name} not copied: ${error.message}`);
  }
}

/** Copy a link that will also show the present view later. */
export const copyLink = () => copy(permanentLink(), "Link");

/** Copy the cursor table with raw values and units, so that the values can be used in calculations. */
export function copyTable() {
  const escape = (text) => String(text).replaceAll("|", "\\|");
  const line = (cells) => `| ${cells.map(escape).join(" | ")} |`;
  const raw = (value, unit) => (value === null ? "–" : `${Number(value.toPrecision(12))} ${unit === "1" ? "" : unit}`.trim());
  const columns = valueLanes.peek();
  const body = cursorRows.value.map(({ entry, values, life }) => [
    entry.series.name, locationOf(entry.series), life ?? "–", ...columns.map(({ key, unit }) => raw(values.get(key) ?? null, unit)),
  ]);
  const head = ["container", "where", "life", ...columns.map(({ title }) => title)];
  const rule = head.map((_, i) => (i < 3 ? "---" : "--:"));
  return copy([`At ${new Date(cursor_ms.peek()).toISOString()}:`, "", ...[head, rule, ...body].map(line), ""].join("\n"), "Table");
}
