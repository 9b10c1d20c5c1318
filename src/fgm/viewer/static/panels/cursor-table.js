// The table next to the lanes: the values of all shown workloads at the cursor, in the units of the lanes.

import { html } from "../browser/html.js";
import { lineStyle } from "../browser/line-styles.js";
import { cursorRowCount, cursorRows, cursorSpan, nodeRow } from "../derived/cursor-values.js";
import { laneUnits } from "../derived/lane-lines.js";
import { walls } from "../derived/wall-rows.js";
import { seriesDetails, workload } from "../lib/series.js";
import { clock, clockOrDate, date, duration, roughDuration, utcClock } from "../lib/time-format.js";
import { ADDITIVE_UNITS, formatNumber } from "../lib/units.js";
import { otherRange, pairedIds } from "../state/compare/other-range.js";
import { focused, lanes, valueLanes } from "../state/lanes.js";
import { isNarrow } from "../state/page.js";
import { shown } from "../state/shown.js";
import { accounted, byId, cpuUse, cursor_ms, explainingSamples, hover_ms, interval_ms, laneSamples, node, pinned_ms, range, view } from "../state/store.js";
import { togglePin } from "../state/view.js";
import { currentRow } from "../state/wall/walls.js";
import { focusLane } from "../widgets/lane-focus.js";
import { LineKey, Location } from "../widgets/series-label.js";
import { Sparkline } from "../widgets/sparkline.js";
import { copyTable } from "./clipboard.js";
import { Processes, ProcessesButton } from "./processes.js";

const OF_NAMESPACE = /^(tcp|udp|sockets)\./; // the node's network namespace does not contain those of pods
const MIN_SLOWDOWN_SHARE = 0.005; // a smaller share is not shown
const REDUCED = "The highest values of a pixel are from different seconds: zoom in to an hour or less for shares";
const MAX_SHARE = 1.05; // the node and its parts are not read at the same instant, so that one that uses all may have a little more
const NO_PART = "More than the node's value at this time: not a part of it";
const percent = (share) => `${share >= 0.0995 ? Math.round(100 * share) : (100 * share).toFixed(1)} %`;

/** A change as text: "+0.20", "−3". Without a sign if it is rounded to zero. */
function signed(value, unit) {
  const text = formatNumber(Math.abs(value), unit);
  return `${!/[1-9]/.test(text) ? "" : value < 0 ? "−" : "+"}${text}`;
}

function Values({ row, tops, isNew }) {
  return valueLanes.value.map(({ key }) => {
    const value = row.values.get(key) ?? null;
    const unit = laneUnits.value.get(key);
    const text = value === null ? "–" : formatNumber(value, unit);
    const isHighest = value !== null && value > 0 && value === tops?.get(key);
    const change = row.changes.get(key) ?? null;
    const changeText = change !== null ? signed(change, unit) : value !== null && isNew && otherRange.value === null ? "new" : "";
    const title = change === null ? undefined : `${text} now, ${formatNumber(value - change, unit)} at ${otherRange.value ? `${clock(cursor_ms.value - otherRange.value.shift_ms)} in the other range` : "the start of the view"}`;
    return html`<td key=${key} class=${value === null ? "mut" : ""}>${isHighest ? html`<b>${text}</b>` : text}${tops && html`<small title=${title}>${changeText}</small>`}</td>`;
  });
}

const MIN_SHARED = 0.4; // minimum used share of a limit of a slice, which bounds the whole node, for it to count as a limit

/** Whose limit it is, if it is not its own: {short, long}; null for its own. */
function ownerText({ kind, name }) {
  if (kind === "own") return null;
  return kind === "pod" ? { short: "pod", long: "the limit of its pod, which its containers share" } : { short: "slice", long: `the limit of ${name}, which all in it share` };
}

/** The used share of the limit, with a bar, or with the share of time in which the workload was throttled or under pressure. */
function LimitCell({ row }) {
  const value = row.values.get(focused.value.key) ?? null;
  const { title, share, isOfPod } = row.slowdown ?? {};
  const slowdown = share > MIN_SLOWDOWN_SHARE && html`<small class=${title === "throttled" ? "thr" : "psi"} title=${`${title} ${percent(share)} of the time${isOfPod ? ", by the quota of its pod, not its own" : ""}`}>${
    isOfPod ? "pod thr" : title === "throttled" ? "thr" : title} ${Math.round(100 * share)} %</small>`;
  const isLoaded = value !== null && !row.entry.isOnlyOnWall && explainingSamples.value?.lines.has(focused.value.limit);
  if (cursorSpan.value.column_ms > 0) return html`<td class="mut limit" title=${REDUCED}>–${slowdown}</td>`;
  const above = value !== null && row.request > 0 && value > row.request && html`<small class="mut" title=${`${percent(value / row.request)} of what it requests`}>${(value / row.request).toFixed(1)}× req</small>`;
  const used = value / row.limit;
  const isOfAll = row.owner.kind === "group" && used < MIN_SHARED;
  if (row.limit === null || value === null || isOfAll) return html`<td class="mut limit">${isLoaded ? "no limit" : "–"}${slowdown || above}</td>`;
  const owner = ownerText(row.owner);
  const note = slowdown || above || html`<i><i style=${{ width: `${Math.min(100, 100 * used)}%` }}></i></i>`;
  return html`<td class="limit" title=${owner ? `${percent(used)} of ${owner.long}` : undefined}>${percent(used)}${owner && html` <em>${owner.short}</em>`}${note}</td>`;
}

/** The value as a share of the value of the whole node. */
function NodeShareCell({ row }) {
  const { key, unit, metric } = focused.value;
  const value = row.values.get(key) ?? null, nodeValue = nodeRow.value?.values.get(key) ?? null;
  const isReduced = cursorSpan.value.column_ms > 0;
  const hasShare = value !== null && nodeValue > 0 && ADDITIVE_UNITS.has(unit) && !OF_NAMESPACE.test(metric) && !isReduced;
  const share = value / nodeValue, isPart = hasShare && share < MAX_SHARE;
  const text = isPart ? percent(share) : hasShare ? html`<small>> node</small>` : "–";
  return html`<td class=${isPart ? "share" : "share mut"} title=${isReduced ? REDUCED : hasShare && !isPart ? NO_PART : undefined}>${text}</td>`;
}

/** The namespace if no other shown workload has the same name, else the full location; then the life, after a restart. */
function ShortLocation({ series, life }) {
  if (series.scope === "outside") return "of other rows";
  const isUnique = series.namespace && shown.value.every((other) => other.series.name !== series.name || other.key === workload(series));
  const lifeText = life > 1 && `, life ${life}`;
  return isUnique ? html`${series.namespace}${lifeText}` : html`<${Location} series=${series}>${lifeText}</${Location}>`;
}

/** The time that the values of a wall cover, as text; null if the focused lane is no wall, or if a column is one sample. */
function wallSpan() {
  const { grid } = walls.value.get(focused.value?.key)?.cells ?? {};
  return grid && grid.column_ms > interval_ms.value ? duration(grid.column_ms) : null;
}

function Row({ row, tops, isFirst }) {
  const { series, slot, ids } = row.entry;
  const isNew = ids.some((id) => byId.value.get(id)?.first_seen_ms > view.value.from_ms);
  return html`<tr class=${`${isFirst ? "first" : ""} ${row.entry.key === currentRow.value ? "current" : ""}`}>
    <th scope="row" title=${seriesDetails(series)}>${slot !== undefined && html`<${LineKey} slot=${slot} />`}${series.scope !== "outside" && html`<${ProcessesButton} id=${series.id} name=${series.name} />`}
      <span class="name">${series.name}</span><small><${ShortLocation} series=${series} life=${row.life} /></small></th>
    <${Values} row=${row} tops=${tops} isNew=${isNew} /><${LimitCell} row=${row} /><${NodeShareCell} row=${row} />
    <td class="last"><${Sparkline} id=${series.id} css=${slot === undefined ? "var(--fnt)" : lineStyle(slot).css} width=${38} hasCursor=${true} /></td>
  </tr><${Processes} id=${series.id} name=${series.name} columns=${columnCount()} />`;
}

/** Number of columns that the styles show. A cell that spans more would make further columns, which take the room of the names. */
function columnCount() {
  const always = valueLanes.value.length + 2;
  if (isNarrow.value) return always;
  return isCrowded() ? always + 1 : always + 2;
}

const isCrowded = () => valueLanes.value.length > 3;

/** The text for screen readers: "17:46:39: Memory 56.7 MiB, payments first". */
function spokenText(ms, row) {
  const { key, title } = focused.value;
  const value = row?.values.get(key) ?? null, unit = laneUnits.value.get(key);
  return value === null ? `${clock(ms)}: no ${title} value` : `${clock(ms)}: ${title} ${formatNumber(value, unit)} ${unit.label}, ${row.entry.series.name} first`;
}

/** A row that says how nearly all rows, also those that are not shown, add up to the node in view. */
function Accounted({ columns }) {
  const { cpu = null, memory = null } = accounted.value ?? {};
  const parts = [["CPU", cpu], ["memory", memory]].filter(([, share]) => share !== null).map(([name, share]) => share < MAX_SHARE ? `${percent(share)} of its ${name}` : `${share.toFixed(1)} times its ${name}`);
  if (parts.length === 0) return null;
  return html`<tr><td class="sum" colspan=${columns} title="All leaves, also those that are not shown, and what is outside of them, as a share of the node in view (memory: in at most its last 15 minutes)">
    all rows add up to ${parts.join(", ")}</td></tr>`;
}

/** The head of a lane's column. A click ranks the rows by this lane. */
function ColumnHead({ lane, index }) {
  const isRanking = lane.key === focused.value?.key;
  return html`<th scope="col" class=${isRanking ? "on" : ""} aria-sort=${isRanking ? "descending" : "none"}>
    <button onClick=${() => focusLane(index)} title=${`Rank by ${lane.title}`}>${lane.title}<br />${isRanking ? "▾ " : ""}${laneUnits.value.get(lane.key)?.short}</button></th>`;
}

let rowKeys = new Map(), newKeys = 0;

/**
 * The keys of the elements of rows: Map(key of an entry → key). On a wall, each move of the cursor brings other rows, and new texts take less
 * time than new elements, so a place has always the same element. But a button that has the focus stays the button of its row, or goes with it.
 */
function keysOf(rows) {
  const isFocused = document.querySelector(".ledger tbody :focus-visible") !== null, before = rowKeys;
  rowKeys = new Map(rows.map(({ entry: { key } }, i) => [key, isFocused ? before.get(key) ?? `new ${newKeys++}` : i]));
  return rowKeys;
}

/** The table of values at the cursor. */
export function CursorTable() {
  const at_ms = cursor_ms.value;
  const { column_ms } = cursorSpan.value;
  const areMinutes = laneSamples.value?.areMinutes;
  const rows = cursorRows.value, keys = keysOf(rows);
  const tops = new Map(valueLanes.value.map(({ key }) => [key, Math.max(...rows.map((row) => row.values.get(key) ?? -1))]));
  const nodeEntry = shown.value.find((entry) => entry.slot === null);
  const isNewest = range.value.live && hover_ms.value === null && pinned_ms.value === null;
  const notes = [areMinutes && "from minutes", column_ms > 0 || wallSpan() ? `highest of ${wallSpan() ?? duration(column_ms)}` : isNewest && "newest", pinned_ms.value !== null && "pinned", otherRange.value !== null && column_ms === 0 && `± to ${pairedIds.value ? byId.value.get(pairedIds.value.other)?.name : clockOrDate(at_ms - otherRange.value.shift_ms, at_ms)}`];
  const title = focused.value?.title;
  return html`<section class="ledger" aria-label="Values at the cursor" tabindex="0">
    <div class="head"><h2>${clock(at_ms)}</h2><span class="mut">${[utcClock(at_ms), date(at_ms), ...notes].filter(Boolean).join(", ")}</span>
      <button class="link end" onClick=${copyTable}>Copy table</button>
      ${pinned_ms.value !== null && html`<button class="link" onClick=${togglePin}>Unpin</button>`}</div>
    <p class="unseen" role="status">${pinned_ms.value !== null && spokenText(at_ms, rows[0])}</p>
    <table class=${isCrowded() ? "many" : ""} style=${{ "--lanes": valueLanes.value.length }}>
      <thead><tr><th scope="col">container<br />where</th>${valueLanes.value.map((lane) => html`<${ColumnHead} key=${lane.key} lane=${lane} index=${lanes.value.indexOf(lane)} />`)}
        <th scope="col" class="limit" title=${`${title} as a share of its limit`}>of limit</th><th scope="col" class="share" title=${`${title} as a share of what the node uses`}>of node</th>
        <th scope="col" class="last"><span>CPU<br />${cpuUse.value && roughDuration(cpuUse.value.to_ms - cpuUse.value.from_ms)}</span></th></tr></thead>
      <tbody>${rows.map((row, i) => html`<${Row} key=${keys.get(row.entry.key)} row=${row} tops=${tops} isFirst=${i === 0} />`)}</tbody>
      <tfoot>
        ${cursorRowCount.value > rows.length && html`<tr><th scope="row">${cursorRowCount.value - rows.length} more shown</th><td colspan=${columnCount() - 1}></td></tr>`}
        ${nodeRow.value && html`<tr>
          <th scope="row">${nodeEntry && html`<${LineKey} slot=${null} />`}${node.value && html`<${ProcessesButton} id=${node.value.id} name="the node" />`}whole node</th><${Values} row=${nodeRow.value} /><td class="limit"></td><td class="share"></td>
          <td class="last">${node.value && html`<${Sparkline} id=${node.value.id} css="var(--fnt)" width=${38} />`}</td>
        </tr>${node.value && html`<${Processes} id=${node.value.id} name="the node" columns=${columnCount()} />`}<${Accounted} columns=${columnCount()} />`}
      </tfoot>
    </table>
  </section>`;
}
