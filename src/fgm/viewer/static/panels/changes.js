// What changed in view, beside as much time before it: ranked by the viewer over all containers and metrics.

import { effect, signal } from "../vendor/signals.js";
import * as api from "../server/api.js";
import { html } from "../browser/html.js";
import { addLane } from "../state/lanes.js";
import { fullName, place } from "../lib/series.js";
import { health, range, view } from "../state/store.js";
import { exactly } from "../lib/time-format.js";
import { number, unitFor } from "../lib/units.js";
import { showOnly } from "../state/view.js";

const LONGEST_MS = 3_600_000; // the viewer looks at every sample of both
const MOST = 12;
const PEAKY = 1.5; // a peak that is so much higher than the mean is told, too

/** {about, progress, answer, refusal} of the present view, null while nobody asked. */
const comparison = signal(null);
let running = new AbortController();

const about = () => `${view.value.from_ms} ${view.value.to_ms}`;

// What was said of another view would mislead.
effect(() => {
  const now = about();
  if (comparison.peek() !== null && comparison.peek().about !== now) close();
});

function close() {
  running.abort();
  comparison.value = null;
}

/** Whether the view stands still and is short enough. */
export const canCompare = () => !range.value.live && view.value.to_ms - view.value.from_ms <= LONGEST_MS;

/** Ask what changed; the answer, or why there is none, appears beside the lanes. */
export async function compare() {
  if (!canCompare()) return;
  running.abort();
  running = new AbortController();
  const { signal: mine } = running;
  const asked = { about: about(), progress: 0, answer: null, refusal: null };
  comparison.value = asked;
  const tell = (news) => !mine.aborted && (comparison.value = { ...comparison.peek(), ...news });
  try {
    const { from_ms, to_ms } = view.peek();
    tell({ answer: await api.changes({ from_ms, to_ms, limit: MOST }, (progress) => tell({ progress }), mine) });
  } catch (error) {
    if (mine.aborted) return;
    if (!(error instanceof api.Problem || error instanceof api.Unreachable)) throw error;
    tell({ refusal: error instanceof api.Problem ? error.message : "The viewer does not answer." });
  }
}

const tenths = (ratio) => (Math.round(100 * (ratio ?? 0)) / 10).toString();

/** "CPU 0.20 → 2.80 cores, at most 3.10". */
function words({ metric, title, unit, before, during, peak }) {
  if (metric === "throttle_ratio") return `throttled ${tenths(before)} → ${tenths(during)} of 10 periods, at most ${tenths(peak)}`;
  const scale = unitFor(unit, Math.max(before ?? 0, during ?? 0));
  const text = (value) => number(value, scale);
  const name = scale.label ? ` ${scale.label}` : "";
  if (during === null) return `${title}: ${text(before)}${name} before, gone now`;
  const highest = peak > PEAKY * Math.max(before ?? 0, during) ? `, at most ${text(peak)}` : "";
  return before === null ? `${title}: ${text(during)}${name}${highest}, not there before` : `${title} ${text(before)} → ${text(during)}${name}${highest}`;
}

/** Who, then what: a click shows it alone, with the metric on a lane. */
function Row({ one }) {
  const show = (metric) => {
    showOnly(one.id);
    if (metric) addLane(metric);
  };
  return html`<li>
    <button title=${`Show ${fullName(one)} alone`} onClick=${() => show()}><b>${one.name}</b> <span class="mut">${place(one)}</span></button>
    ${one.changes.map((change) => html`<button key=${change.metric} class="said" title=${`Show ${change.title} of ${fullName(one)}`}
      onClick=${() => show(change.metric)}>${words(change)}</button>`)}
  </li>`;
}

function Body({ progress, answer, refusal }) {
  if (refusal !== null) return html`<p role="alert">${refusal}</p>`;
  if (answer === null) return html`<p role="status"><progress max="1" value=${progress}></progress> reading every sample, ${Math.round(100 * progress)} %</p>`;
  if (!answer.has_before) return html`<p role="status">Nothing was recorded in the ${exactly(answer.to_ms - answer.from_ms)} before.</p>`;
  if (answer.series.length === 0) return html`<p role="status">Nothing left what was usual in the ${exactly(answer.from_ms - answer.before_ms)} before.</p>`;
  return html`<ol>${answer.series.map((one) => html`<${Row} key=${one.id} one=${one} />`)}</ol>`;
}

export function Changes() {
  const now = comparison.value;
  const possible = canCompare();
  if (now === null) {
    if (!possible || health.value?.oldest_ms == null) return null;
    return html`<section class="changes" aria-label="What changed">
      <button class="link" onClick=${compare}>What changed here? Compare with ${exactly(view.value.to_ms - view.value.from_ms)} before</button>
    </section>`;
  }
  const { compared } = now.answer ?? {};
  return html`<section class="changes open" aria-label="What changed">
    <div class="head"><h2>What changed</h2>
      <span class="mut">${compared && `${compared.series} containers${now.answer.partial ? ", not all" : ""}, ${compared.metrics} metrics`}</span>
      <button class="link end" onClick=${close}>Close</button></div>
    <${Body} ...${now} />
  </section>`;
}
