// The comparison of the view with the range of the same length before it.

import { html } from "../browser/html.js";
import { fullName, locationOf } from "../lib/series.js";
import { duration, withLocalTimes } from "../lib/time-format.js";
import { formatNumber, unitFor } from "../lib/units.js";
import { canCompare, closeComparison, compare } from "../requests/analysis/comparison.js";
import { addLane } from "../state/lanes.js";
import { comparison } from "../state/page.js";
import { health, view } from "../state/store.js";
import { showOnly } from "../state/view.js";

const MAX_BEFORE_MS = 900_000; // the viewer compares with 15 minutes at most
const HIGH_PEAK = 1.5; // a peak is mentioned if it is more than this many times the mean

const perTen = (ratio) => (Math.round(100 * (ratio ?? 0)) / 10).toString();

/** A change as text: "CPU 0.20 → 2.80 cores, max 3.10". */
function description({ metric, title: name, unit, before, during, peak, limit_of }) {
  const owner = limit_of === "pod" ? " (the pod's limit)" : limit_of && limit_of !== "own" ? ` (limit of ${limit_of.split("/").at(-1)})` : "";
  const title = `${name}${owner}`;
  if (metric === "throttle_ratio") return `throttled in ${perTen(before)} → ${perTen(during)} of 10 periods, max ${perTen(peak)}`;
  const scale = unitFor(unit, Math.max(before ?? 0, during ?? 0));
  const number = (value) => formatNumber(value, scale);
  const unitName = scale.label ? ` ${scale.label}` : "";
  if (during === null) return `${title}: ${number(before)}${unitName} before, gone now`;
  const highest = peak > HIGH_PEAK * Math.max(before ?? 0, during) ? `, max ${number(peak)}` : "";
  return before === null ? `${title}: new, ${number(during)}${unitName}${highest}` : `${title} ${number(before)} → ${number(during)}${unitName}${highest}`;
}

/** A container and its changes. A click shows only this container, and adds a lane for the metric. */
function Row({ series }) {
  const show = (metric) => {
    showOnly(series.id);
    if (metric) addLane(metric);
  };
  return html`<li>
    <button title=${`Show only ${fullName(series)}`} onClick=${() => show()}><b>${series.name}</b> <span class="mut">${locationOf(series)}</span></button>
    ${series.findings.map((text) => html`<p key=${text}>${withLocalTimes(text, comparison.value.from_ms)}</p>`)}
    ${series.changes.map((change) => html`<button key=${change.metric} class="change" title=${`Show ${change.title} of ${fullName(series)}`}
      onClick=${() => show(change.metric)}>${description(change)}</button>`)}
  </li>`;
}

function Result({ progress, result, refusal }) {
  if (refusal !== null) return html`<p role="alert">${refusal}</p>`;
  if (result === null) return html`<p role="status"><progress max="1" value=${progress}></progress> Reading every sample: ${Math.round(100 * progress)} %</p>`;
  const before = duration(Math.min(result.to_ms - result.from_ms, MAX_BEFORE_MS));
  const none = result.has_before ? `Nothing differs from the ${before} before.` : "Nothing was recorded before, and nothing stood out inside.";
  if (result.series.length === 0) return html`<p role="status">${none}</p>`;
  const note = result.has_before ? null : html`<p role="status">Nothing was recorded before. This stood out inside:</p>`;
  return html`${note}<ol>${result.series.map((series) => html`<${Row} key=${series.id} series=${series} />`)}</ol>`;
}

/** The comparison, or a button that starts it if the view can be compared. */
export function Changes() {
  if (comparison.value === null) {
    if (!canCompare() || health.value?.oldest_ms == null) return null;
    return html`<section class="changes" aria-label="What changed">
      <button class="link" onClick=${compare}>What changed? Compare with the ${duration(Math.min(view.value.to_ms - view.value.from_ms, MAX_BEFORE_MS))} before</button>
    </section>`;
  }
  const { result } = comparison.value;
  const counts = result?.compared && `${result.compared.series} containers and services${result.partial ? " (not all)" : ""}, ${result.compared.metrics} metrics`;
  return html`<section class="changes open" aria-label="What changed">
    <div class="head"><h2>What changed</h2><span class="mut">${counts}</span>
      <button class="link end" onClick=${closeComparison}>Close</button></div>
    <${Result} ...${comparison.value} />
  </section>`;
}
