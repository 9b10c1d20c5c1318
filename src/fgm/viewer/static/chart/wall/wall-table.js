// A wall as a table, for people who prefer to read numbers or use a screen reader.

import { html } from "../../browser/html.js";
import { laneFindings } from "../../derived/lane-findings.js";
import { columnAt, highestCell, useOf } from "../../lib/wall/cells.js";
import { clockIn, viewRange } from "../../lib/time-format.js";
import { formatNumber } from "../../lib/units.js";
import { otherRange } from "../../state/compare/other-range.js";
import { end_ms, kills, view } from "../../state/store.js";
import { nameOfRow } from "./wall-canvas.js";

const MAX_ROWS = 100;
const MIN_MARK_SHARE = 0.1; // as on the canvas

/** The table of a wall: of each row, what it used on average, its highest value, the last one, and what it suffered. */
export function WallTable({ lane, wall, unit }) {
  const { from_ms } = view.value;
  const killsOf = (ids) => kills.value.filter(({ series, time_ms }) => ids.includes(series) && time_ms >= from_ms && time_ms < end_ms.value).length;
  const ranksOf = (ids) => (laneFindings.value.get(lane.key) ?? []).filter(({ finding }) => ids.includes(finding.id)).map(({ rank }) => rank);
  const rows = wall.rows.slice(0, MAX_ROWS), others = new Map(wall.other?.rows.map((row) => [row.key, row]));
  return html`<div class="tabular" tabindex="0" role="group" aria-label=${`${lane.title} as a table`}><table>
    <caption>${lane.title} in ${unit.label}, ${viewRange(from_ms, end_ms.value)}, one row each</caption>
    <thead><tr><th scope="col">row</th><th scope="col">mean of peaks</th><th scope="col">highest</th>${wall.other && html`<th scope="col">highest there</th>`}<th scope="col">last</th><th scope="col">suffered</th></tr></thead>
    <tbody>${rows.map((row) => html`<tr key=${row.key}><th scope="row"><span class="name">${nameOfRow(row)}${row.namespace ? ` in ${row.namespace}` : ""}</span></th>
      <td>${formatNumber(useOf(row.cells), unit)}</td><${Highest} wall=${wall} row=${row} unit=${unit} />${wall.other && html`<${Highest} wall=${wall.other} row=${others.get(row.key)} unit=${unit} shift_ms=${otherRange.value?.shift_ms} />`}<td>${lastText(row.cells, unit)}</td>
      <td>${suffered(lane, wall, row, killsOf(row.ids), ranksOf(row.ids))}</td></tr>`)}</tbody>
    ${wall.rows.length > rows.length && html`<tfoot><tr><th scope="row">${wall.rows.length - rows.length} more</th><td colspan=${wall.other ? 5 : 4}></td></tr></tfoot>`}
  </table></div>`;
}

/** `shift_ms`: how much earlier the times of the wall are than those of its grid. */
function Highest({ wall: { cells: { grid } }, row, unit, shift_ms = 0 }) {
  const highest = highestCell(row.cells, columnAt(grid, view.value.from_ms), columnAt(grid, end_ms.value - 1) + 1);
  return html`<td>${highest ? html`${formatNumber(highest.value, unit)} <small>${clockIn(grid.from_ms + highest.column * grid.column_ms - shift_ms, view.value)}</small>` : "–"}</td>`;
}

function lastText(cells, unit) {
  const last = cells.findLast((value) => value === value);
  return last === undefined ? "–" : formatNumber(last, unit);
}

function suffered(lane, wall, row, killCount, ranks) {
  const marks = wall.marks?.rows.get(row.key)?.cells ?? [];
  const share = marks.length > 0 ? marks.filter((value) => value >= MIN_MARK_SHARE).length / marks.length : 0;
  const parts = [killCount > 0 && `${killCount} OOM kill${killCount > 1 ? "s" : ""}`, share > 0 && `${lane.strip.title} in ${Math.max(1, Math.round(100 * share))} % of the pixels`, ...ranks.map((rank) => `finding ${rank}`)];
  return parts.filter(Boolean).join(", ") || "–";
}
