// The table beside the lanes: who, at the cursor second, in the lanes' own units.

import { instant, rowCount, rows, wholeNode } from "../derived/cursor-values.js";
import { styleOf } from "../browser/theme.js";
import { Key, Place } from "./container-list.js";
import { copyTable } from "./clipboard.js";
import { html } from "../browser/html.js";
import { laneUnits } from "../derived/lane-lines.js";
import { focused, focusLane, lanes } from "../state/lanes.js";
import { facts, workload } from "../lib/series.js";
import { Sparkline } from "../widgets/sparkline.js";
import { cursor_ms, explained, hover_ms, listed, node, pinned_ms, range, shown, uses, view } from "../state/store.js";
import { clock, day, exactly, roughly, utcClock } from "../lib/time-format.js";
import { number } from "../lib/units.js";
import { togglePin } from "../state/view.js";

const ADDS_UP = new Set(["millicores", "bytes", "bytes/s", "1/s", "us/s"]); // what a share of the node means something for

const REDUCED = "The highest values of a pixel are of different seconds: zoom in to an hour for shares";
const percent = (share) => `${share >= 0.0995 ? Math.round(100 * share) : (100 * share).toFixed(1)} %`;

function signed(value, unit) {
  const text = number(Math.abs(value), unit);
  return `${!/[1-9]/.test(text) ? "" : value < 0 ? "−" : "+"}${text}`;
}

function Values({ row, tops, isNew }) {
  return lanes.value.map(({ key }) => {
    const value = row.values.get(key) ?? null;
    const unit = laneUnits.value.get(key);
    const text = value === null ? "–" : number(value, unit);
    const most = value !== null && value > 0 && value === tops?.get(key);
    const change = row.changes.get(key) ?? null;
    const since = change !== null ? signed(change, unit) : value !== null && isNew ? "new" : "";
    return html`<td key=${key} class=${value === null ? "mut" : ""}>${most ? html`<b>${text}</b>` : text}${tops && html`<small title=${change === null ? undefined : `${text} now, ${number(value - change, unit)} when the view begins`}>${since}</small>`}</td>`;
  });
}

/** Of its limit, with a bar; and how much of the second it was held back. */
function OfLimit({ row }) {
  const value = row.values.get(focused.value.key) ?? null;
  const { title, share } = row.held ?? {};
  const held = share > 0.005 && html`<small class=${title === "throttled" ? "thr" : "psi"} title=${`${title} ${percent(share)} of the time`}>${
    title === "throttled" ? "thr" : title} ${Math.round(100 * share)} %</small>`;
  const known = value !== null && explained.value?.lines.has(focused.value.limit);
  if (instant.value.column_ms > 0) return html`<td class="mut limit" title=${REDUCED}>–${held}</td>`;
  if (row.limit === null || value === null) return html`<td class="mut limit">${known ? "no limit" : "–"}${held}</td>`;
  const part = value / row.limit;
  return html`<td class="limit">${percent(part)}${held || html`<i><i style=${{ width: `${Math.min(100, 100 * part)}%` }}></i></i>`}</td>`;
}

function OfNode({ row }) {
  const { key, unit } = focused.value;
  const value = row.values.get(key) ?? null, whole = wholeNode.value?.values.get(key) ?? null;
  const known = value !== null && whole > 0 && ADDS_UP.has(unit) && instant.value.column_ms === 0;
  return html`<td class=${known ? "share" : "share mut"} title=${instant.value.column_ms > 0 ? REDUCED : undefined}>${known ? percent(value / whole) : "–"}</td>`;
}

/** Its namespace is enough, unless another of that name is shown. */
function Where({ series, life }) {
  const isOne = series.namespace && shown.value.every((other) => other.series.name !== series.name || other.key === workload(series));
  const lives = life > 1 && `, life ${life}`;
  return isOne ? html`${series.namespace}${lives}` : html`<${Place} series=${series}>${lives}</${Place}>`;
}

function Row({ row, tops, first }) {
  const { series, slot, ids } = row.entry;
  const isNew = (listed.value ?? []).some(({ id, first_seen_ms }) => ids.includes(id) && first_seen_ms > view.value.from_ms);
  return html`<tr class=${first ? "first" : ""}>
    <th scope="row" title=${facts(series)}><${Key} slot=${slot} />
      <span class="name">${series.name}</span><small><${Where} series=${series} life=${row.life} /></small></th>
    <${Values} row=${row} tops=${tops} isNew=${isNew} /><${OfLimit} row=${row} /><${OfNode} row=${row} />
    <td class="last"><${Sparkline} id=${series.id} css=${styleOf(slot).css} width=${38} hasCursor=${true} /></td>
  </tr>`;
}

/** For who does not see the cursor move: "17:46:39: Memory 56.7 MiB, payments first". */
function spoken(at, row) {
  const { key, title } = focused.value;
  const value = row?.values.get(key) ?? null, unit = laneUnits.value.get(key);
  return value === null ? `${clock(at)}: no ${title} value` : `${clock(at)}: ${title} ${number(value, unit)} ${unit.label}, ${row.entry.series.name} first`;
}

/** A head ranks by its lane. */
function ColumnHead({ lane, i }) {
  const on = lane.key === focused.value?.key;
  return html`<th scope="col" class=${on ? "on" : ""} aria-sort=${on ? "descending" : "none"}>
    <button onClick=${() => focusLane(i)} title=${`Rank by ${lane.title}`}>${lane.title}${on ? " ▾" : ""}<br />${laneUnits.value.get(lane.key)?.short}</button></th>`;
}

export function Ledger() {
  const at = cursor_ms.value;
  const { column_ms } = instant.value;
  const some = rows.value;
  const tops = new Map(lanes.value.map(({ key }) => [key, Math.max(...some.map((row) => row.values.get(key) ?? -1))]));
  const nodeEntry = shown.value.find((entry) => entry.slot === null);
  const live = range.value.live && hover_ms.value === null && pinned_ms.value === null;
  const how = [column_ms > 0 ? `highest of ${exactly(column_ms)}` : live && "newest", pinned_ms.value !== null && "pinned"];
  const title = focused.value?.title;
  return html`<section class="ledger" aria-label="Values at the cursor" tabindex="0">
    <div class="head"><h2>${clock(at)}</h2><span class="mut">${[utcClock(at), day(at), ...how].filter(Boolean).join(", ")}</span>
      <button class="link end" onClick=${copyTable}>Copy table</button>
      ${pinned_ms.value !== null && html`<button class="link" onClick=${togglePin}>Unpin</button>`}</div>
    <p class="unseen" role="status">${pinned_ms.value !== null && spoken(at, some[0])}</p>
    <table class=${lanes.value.length > 3 ? "many" : ""} style=${{ "--lanes": lanes.value.length }}>
      <thead><tr><th scope="col">container<br />where</th>${lanes.value.map((lane, i) => html`<${ColumnHead} key=${lane.key} lane=${lane} i=${i} />`)}
        <th scope="col" class="limit" title=${`${title}, of its limit`}>of limit</th><th scope="col" class="share" title=${`${title}, of what the node uses`}>of node</th>
        <th scope="col" class="last"><span>CPU<br />${uses.value && roughly(uses.value.to_ms - uses.value.from_ms)}</span></th></tr></thead>
      <tbody>${some.map((row, i) => html`<${Row} key=${row.entry.key} row=${row} tops=${tops} first=${i === 0} />`)}</tbody>
      <tfoot>
        ${rowCount.value > some.length && html`<tr><th scope="row">${rowCount.value - some.length} more shown</th><td colspan=${lanes.value.length + 3}></td></tr>`}
        ${wholeNode.value && html`<tr>
          <th scope="row">${nodeEntry && html`<${Key} slot=${null} />`}whole node</th><${Values} row=${wholeNode.value} /><td class="limit"></td><td class="share"></td>
          <td class="last">${node.value && html`<${Sparkline} id=${node.value.id} css="var(--fnt)" width=${38} />`}</td>
        </tr>`}
      </tfoot>
    </table>
  </section>`;
}
