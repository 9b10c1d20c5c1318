// The lanes as tables: the same numbers for whoever would rather read them, or has them read out.

import { signal } from "../vendor/signals.js";
import { html } from "../browser/html.js";
import { extremes } from "../lib/lines.js";
import { fullName } from "../lib/series.js";
import { answer, end_ms, view } from "../state/store.js";
import { dated, exactly, viewRange } from "../lib/time-format.js";
import { number } from "../lib/units.js";

const ROWS = 40;

/** Whether the lanes are shown as tables. */
export const tables = signal(false);

export function toggleTables() {
  tables.value = !tables.peek();
}

export function LaneTable({ lane, lines, unit }) {
  const { from_ms } = view.value;
  const { column_ms = 0 } = answer.value ?? {};
  const rows = lines.toReversed().map(({ line, entry }) => ({ line, entry, found: extremes(line, from_ms, end_ms.value) })).filter(({ found }) => found);
  const at = ({ value, ms }) => html`<td>${number(value, unit)} <small>${dated(ms, view.value)}</small></td>`;
  return html`<div class="tabular" tabindex="0" role="group" aria-label=${`${lane.title} as a table`}><table>
    <caption>${lane.title} in ${unit.label}, ${viewRange(from_ms, end_ms.value)}${column_ms > 0 && `, extremes of ${exactly(column_ms)} each`}</caption>
    <thead><tr><th scope="col">container</th><th scope="col">first</th><th scope="col">lowest</th><th scope="col">highest</th><th scope="col">last</th></tr></thead>
    <tbody>${rows.slice(0, ROWS).map(({ line, entry, found }) => html`<tr key=${`${line.id} ${line.life}`}>
      <th scope="row"><span class="name">${fullName(entry.series)}${line.life > 1 ? `, life ${line.life}` : ""}</span></th>
      ${at(found.first)}${at(found.lowest)}${at(found.highest)}${at(found.last)}
    </tr>`)}</tbody>
    ${rows.length > ROWS && html`<tfoot><tr><th scope="row">${rows.length - ROWS} more</th><td colspan="4"></td></tr></tfoot>`}
  </table></div>`;
}
