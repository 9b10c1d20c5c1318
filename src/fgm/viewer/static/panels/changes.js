// What changed in view, compared with the same length of time before it.

import { html } from "../browser/html.js";
import { fullName, locationOf } from "../lib/series.js";
import { duration } from "../lib/time-format.js";
import { formatNumber, unitFor } from "../lib/units.js";
import { canCompare, closeComparison, compare } from "../requests/comparison.js";
import { addLane } from "../state/lanes.js";
import { comparison } from "../state/page.js";
import { health, view } from "../state/store.js";
import { showOnly } from "../state/view.js";

const HIGH_PEAK = 1.5; // a peak this many times as high as the mean is mentioned

const perTen = (ratio) => (Math.round(100 * (ratio ?? 0)) / 10).toString();

/** "CPU 0.20 → 2.80 cores, max 3.10" */
function description({ metric, title, unit, before, during, peak }) {
  if (metric === "throttle_ratio") return `throttled in ${perTen(before)} → ${perTen(during)} of 10 periods, max ${perTen(peak)}`;
  const scale = unitFor(unit, Math.max(before ?? 0, during ?? 0));
  const number = (value) => formatNumber(value, scale);
  const unitName = scale.label ? ` ${scale.label}` : "";
  if (during === null) return `${title}: ${number(before)}${unitName} before, gone now`;
  const highest = peak > HIGH_PEAK * Math.max(before ?? 0, during) ? `, max ${number(peak)}` : "";
  return before === null ? `${title}: new, ${number(during)}${unitName}${highest}` : `${title} ${number(before)} → ${number(during)}${unitName}${highest}`;
}

/** A container and its changes; a click shows only this container, and the metric on a lane. */
function Row({ series }) {
  const show = (metric) => {
    showOnly(series.id);
    if (metric) addLane(metric);
  };
  return html`<li>
    <button title=${`Show only ${fullName(series)}`} onClick=${() => show()}><b>${series.name}</b> <span class="mut">${locationOf(series)}</span></button>
    ${series.changes.map((change) => html`<button key=${change.metric} class="change" title=${`Show ${change.title} of ${fullName(series)}`}
      onClick=${() => show(change.metric)}>${description(change)}</button>`)}
  </li>`;
}

function Result({ progress, answer, refusal }) {
  if (refusal !== null) return html`<p role="alert">${refusal}</p>`;
  if (answer === null) return html`<p role="status"><progress max="1" value=${progress}></progress> Reading every sample: ${Math.round(100 * progress)} %</p>`;
  if (!answer.has_before) return html`<p role="status">Nothing was recorded in the ${duration(answer.to_ms - answer.from_ms)} before.</p>`;
  if (answer.series.length === 0) return html`<p role="status">Nothing differs from the ${duration(answer.from_ms - answer.before_ms)} before.</p>`;
  return html`<ol>${answer.series.map((series) => html`<${Row} key=${series.id} series=${series} />`)}</ol>`;
}

/** The comparison, or a button that starts it if the view can be compared. */
export function Changes() {
  if (comparison.value === null) {
    if (!canCompare() || health.value?.oldest_ms == null) return null;
    return html`<section class="changes" aria-label="What changed">
      <button class="link" onClick=${compare}>What changed? Compare with the ${duration(view.value.to_ms - view.value.from_ms)} before</button>
    </section>`;
  }
  const { answer } = comparison.value;
  const counts = answer?.compared && `${answer.compared.series} containers${answer.partial ? " (not all)" : ""}, ${answer.compared.metrics} metrics`;
  return html`<section class="changes open" aria-label="What changed">
    <div class="head"><h2>What changed</h2><span class="mut">${counts}</span>
      <button class="link end" onClick=${closeComparison}>Close</button></div>
    <${Result} ...${comparison.value} />
  </section>`;
}
