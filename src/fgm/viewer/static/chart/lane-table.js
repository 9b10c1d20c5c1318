// A lane as a table, for people who prefer to read numbers or use a screen reader.

import { html } from "../browser/html.js";
import { otherLines } from "../derived/compare/other-lines.js";
import { laneFindings } from "../derived/lane-findings.js";
import { extremesIn } from "../lib/lines.js";
import { fullName } from "../lib/series.js";
import { clockIn, datedRange, duration, viewRange, withLocalTimes } from "../lib/time-format.js";
import { formatNumber } from "../lib/units.js";
import { otherRange } from "../state/compare/other-range.js";
import { byId, laneSamples, end_ms, view } from "../state/store.js";

const MAX_ROWS = 40;

/** The rows of the other range of a lane, each with the extremes of a line; [] without another range. */
function otherRows(lane) {
  if (otherRange.value === null) return [];
  const { from_ms, end_ms: until_ms } = otherRange.value;
  return (otherLines.value.get(lane.key) ?? []).map(({ line, entry }) => ({ line, entry, isOther: true, extremes: extremesIn(line, from_ms, until_ms) })).filter(({ extremes }) => extremes);
}

/** The table of a lane: the first, lowest, highest and last sample in view of each of its lines, and below each those in the other range. */
export function LaneTable({ lane, lines, unit }) {
  const { from_ms } = view.value;
  const { column_ms = 0, areMinutes = false } = laneSamples.value ?? {};
  const inView = lines.map(({ line, entry }) => ({ line, entry, isOther: false, extremes: extremesIn(line, from_ms, end_ms.value) })).filter(({ extremes }) => extremes);
  const others = otherRows(lane), entries = [...new Set([...inView, ...others].map(({ entry }) => entry))].toReversed();
  const rows = entries.flatMap((of) => [...inView, ...others].filter(({ entry }) => entry === of));
  const otherText = otherRange.value && datedRange(otherRange.value.from_ms, otherRange.value.to_ms);
  const findings = laneFindings.value.get(lane.key) ?? [];
  const cell = ({ value, ms }) => html`<td>${formatNumber(value, unit)} <small>${clockIn(ms, view.value)}</small></td>`;
  return html`<div class="tabular" tabindex="0" role="group" aria-label=${`${lane.title} as a table`}><table>
    <caption>${lane.title} in ${unit.label}, ${viewRange(from_ms, end_ms.value)}${column_ms > 0 && `, extremes of each ${duration(column_ms)}`}${areMinutes && ", from each minute's lowest and highest value"}</caption>
    <thead><tr><th scope="col">container</th><th scope="col">first</th><th scope="col">lowest</th><th scope="col">highest</th><th scope="col">last</th></tr></thead>
    <tbody>${rows.slice(0, MAX_ROWS).map(({ line, entry, isOther, extremes }) => html`<tr key=${`${line.id} ${line.life} ${isOther}`}>
      <th scope="row"><span class="name">${fullName((isOther && byId.value.get(line.id)) || entry.series)}${line.life > 1 && !isOther ? `, life ${line.life}` : ""}${isOther ? `, ${otherText}` : ""}</span></th>
      ${cell(extremes.first)}${cell(extremes.lowest)}${cell(extremes.highest)}${cell(extremes.last)}
    </tr>`)}</tbody>
    <tfoot>${rows.length > MAX_ROWS && html`<tr><th scope="row">${rows.length - MAX_ROWS} more</th><td colspan="4"></td></tr>`}
      ${findings.map(({ finding, rank }) => html`<tr key=${`finding ${rank}`}><th scope="row">finding ${rank}</th><td class="finding" colspan="4">${withLocalTimes(finding.text, finding.from_ms)}</td></tr>`)}</tfoot>
  </table></div>`;
}
