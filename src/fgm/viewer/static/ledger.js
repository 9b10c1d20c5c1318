// Who, at the cursor second: every shown workload with its value on every lane, in the lanes' own units.

import { html } from "./html.js";
import { Key, Place } from "./containers.js";
import { laneUnits } from "./lane.js";
import { valueIn } from "./samples.js";
import { facts } from "./series.js";
import { answer, cursor_ms, hover_ms, interval_ms, laneMetrics, LANES, node, pinned_ms, range, shown } from "./store.js";
import { clock, day, exactly, utcClock } from "./time.js";
import { number } from "./units.js";

const ROWS = 24; // what a person compares; the rest is counted

/** One row: {entry, values: Map(lane key → number or null), life} at [from_ms, to_ms). */
function rowAt({ ids }, from_ms, to_ms) {
  const values = new Map();
  let life = null;
  for (const [lane, metric] of laneMetrics.value) {
    let best = null;
    for (const line of answer.value?.lines.get(metric) ?? []) {
      if (!ids.includes(line.id)) continue;
      const value = valueIn(line, from_ms, to_ms);
      if (value === null) continue;
      best = Math.max(best ?? 0, value);
      life = line.life ?? life;
    }
    values.set(lane, best);
  }
  return { values, life };
}

function Values({ row, tops }) {
  return LANES.map(({ key }) => {
    const value = row.values.get(key) ?? null;
    const text = value === null ? "–" : number(value, laneUnits.value.get(key));
    const most = value !== null && value > 0 && value === tops?.get(key);
    return html`<td class=${value === null ? "mut" : ""}>${most ? html`<b>${text}</b>` : text}</td>`;
  });
}

function Row({ row, tops, first }) {
  const { series, slot } = row.entry;
  return html`<tr class=${first ? "first" : ""}>
    <th scope="row" title=${facts(series)}><${Key} slot=${slot} />
      <span class="name">${series.name}</span><small><${Place} series=${series}>${row.life > 1 && `, life ${row.life}`}</${Place}></small></th>
    <${Values} row=${row} tops=${tops} />
  </tr>`;
}

const columnHead = ({ key, title }) => html`<th scope="col" class=${key === "cpu" ? "on" : ""}>
  ${title}${key === "cpu" ? " ▾" : ""}<br />${laneUnits.value.get(key)?.short}
</th>`;

export function Ledger() {
  const at = cursor_ms.value;
  const { column_ms = 0, origin_ms = 0 } = answer.value ?? {};
  const from_ms = column_ms > 0 ? origin_ms + Math.floor((at - origin_ms) / column_ms) * column_ms : at;
  const to_ms = from_ms + (column_ms || interval_ms.value);
  const rows = shown.value.filter((entry) => entry.slot !== null).map((entry) => ({ entry, ...rowAt(entry, from_ms, to_ms) }));
  const first = (row) => LANES.map(({ key }) => row.values.get(key)).find((value) => value != null) ?? -1;
  rows.sort((a, b) => (b.values.get("cpu") ?? -1) - (a.values.get("cpu") ?? -1) || first(b) - first(a));
  const tops = new Map(LANES.map(({ key }) => [key, Math.max(...rows.map((row) => row.values.get(key) ?? -1))]));
  const whole = node.value && rowAt({ ids: [node.value.id] }, from_ms, to_ms);
  const nodeEntry = shown.value.find((entry) => entry.slot === null);
  const live = range.value.live && hover_ms.value === null && pinned_ms.value === null;
  const how = [column_ms > 0 ? `highest of ${exactly(column_ms)}` : live && "newest", pinned_ms.value !== null && "pinned"];
  return html`<section class="ledger" aria-label="Values at the cursor" tabindex="0">
    <div class="head"><h2>${clock(at)}</h2><span class="mut">${[utcClock(at), day(at), ...how].filter(Boolean).join(", ")}</span>
      ${pinned_ms.value !== null && html`<button class="link end" onClick=${() => (pinned_ms.value = null)}>Unpin</button>`}</div>
    <table>
      <thead><tr><th scope="col">container<br />where</th>${LANES.map(columnHead)}</tr></thead>
      <tbody>${rows.slice(0, ROWS).map((row, i) => html`<${Row} key=${row.entry.key} row=${row} tops=${tops} first=${i === 0} />`)}</tbody>
      <tfoot>
        ${rows.length > ROWS && html`<tr><th scope="row">${rows.length - ROWS} more shown</th><td colspan="3"></td></tr>`}
        ${whole && html`<tr>
          <th scope="row">${nodeEntry && html`<${Key} slot=${null} />`}whole node</th><${Values} row=${whole} />
        </tr>`}
      </tfoot>
    </table>
  </section>`;
}
