// How the view differs from the other range, or from the range of the same length before it.

import { html } from "../browser/html.js";
import { fullName, locationOf } from "../lib/series.js";
import { datedRange, duration, viewRange, withLocalTimes } from "../lib/time-format.js";
import { formatNumber, unitFor } from "../lib/units.js";
import { canCompare, closeComparison, compare } from "../requests/analysis/comparison.js";
import { otherPack, otherRange, otherRefusal, pairedIds, stopComparing } from "../state/compare/other-range.js";
import { flipWalls, showsOther } from "../state/compare/other-walls.js";
import { addLane } from "../state/lanes.js";
import { openedPack } from "../state/pack.js";
import { comparison } from "../state/page.js";
import { byId, health, range, view } from "../state/store.js";
import { showOnly } from "../state/view.js";
import { wallKeys } from "../state/wall/walls.js";
import { chooseOtherRange } from "../widgets/other-range-chooser.js";

const MAX_BEFORE_MS = 900_000; // the viewer compares with 15 minutes at most
const HIGH_PEAK = 1.5; // a peak is mentioned if it is more than this many times the mean

const perTen = (ratio) => (Math.round(100 * (ratio ?? 0)) / 10).toString();

/** A change as text: "CPU 0.20 → 2.80 cores, max 3.10". */
function description({ metric, title: name, unit, before, during, peak_before, peak, limit_of }) {
  const owner = limit_of === "pod" ? " (the pod's limit)" : limit_of && limit_of !== "own" ? ` (limit of ${limit_of.split("/").at(-1)})` : "";
  const title = `${name}${owner}`;
  const isOther = comparison.value.against_ms !== undefined;
  if (metric === "throttle_ratio") return `throttled in ${perTen(before)} → ${perTen(during)} of 10 periods, max ${perTen(peak)}`;
  const scale = unitFor(unit, Math.max(before ?? 0, during ?? 0));
  const number = (value) => formatNumber(value, scale);
  const unitName = scale.label ? ` ${scale.label}` : "";
  if (during === null) return `${title}: ${number(before)}${unitName} ${isOther ? "there, none in view" : "before, gone now"}`;
  const isHigh = (value) => value > HIGH_PEAK * Math.max(before ?? 0, during ?? 0);
  const highest = isOther && before !== null && (isHigh(peak) || isHigh(peak_before)) ? `, max ${number(peak_before)} → ${number(peak)}` : isHigh(peak) ? `, max ${number(peak)}` : "";
  if (before === null) return `${title}: ${isOther ? "only in view" : "new"}, ${number(during)}${unitName}${highest}`;
  return `${title} ${number(before)} → ${number(during)}${unitName}${highest}`;
}

/** "2 → 3 containers", if the other range had another number of them; else "". */
function countText({ series_before: before, series_during: during }) {
  if (before === undefined || (before <= 1 && during <= 1) || before + during === 0) return "";
  return ` · mean of ${before === during ? before : `${before} → ${during}`}`;
}

const NOTABLE_SHARE = 0.5; // minimum difference of the shares of two ranges in which a container was there; as in the viewer
const percent = (share) => `${Math.round(100 * share)} %`;

/** In how much of the two ranges a container was there, if that differs; else "". */
function presenceText({ series_before: before, series_during: during, share_before, share_during }) {
  if (before === undefined || before + during === 0) return "";
  if (before === 0) return "Only in view";
  if (during === 0) return "Only there";
  return Math.abs(share_during - share_before) < NOTABLE_SHARE ? "" : `Here for ${percent(share_during)} of the view, there for ${percent(share_before)}`;
}

/** A container and its changes. A click shows only this container, and adds a lane for the metric. */
function Row({ series }) {
  const show = (metric) => {
    if (byId.peek().has(series.id)) showOnly(series.id);
    if (metric) addLane(metric);
  };
  const { against_ms, from_ms } = comparison.value;
  return html`<li>
    <button title=${`Show only ${fullName(series)}`} onClick=${() => show()}><b>${series.name}</b> <span class="mut">${locationOf(series)}${countText(series)}</span></button>
    ${presenceText(series) && html`<p>${presenceText(series)}</p>`}
    ${series.findings.map((text) => html`<p key=${text}>${against_ms !== undefined && html`<span class="mut">only in view: </span>`}${withLocalTimes(text, from_ms)}</p>`)}
    ${series.findings_before?.map((text) => html`<p key=${text}><span class="mut">only there: </span>${withLocalTimes(text, against_ms)}</p>`)}
    ${series.changes.map((change) => html`<button key=${change.metric} class="change" title=${`Show ${change.title} of ${fullName(series)}`}
      onClick=${() => show(change.metric)}>${description(change)}</button>`)}
  </li>`;
}

/** Why there is nothing to list, as a sentence. */
function noneText({ has_before, has_during, from_ms, to_ms, against_ms, against_to_ms }) {
  if (against_ms !== undefined) {
    if (!has_before) return `Nothing was recorded in the other range, ${datedRange(against_ms, against_to_ms)}.`;
    return has_during ? "Nothing differs from the other range." : "Nothing was recorded in this view.";
  }
  const before = duration(Math.min(to_ms - from_ms, MAX_BEFORE_MS));
  return has_before ? `Nothing differs from the ${before} before.` : "Nothing was recorded before, and nothing stood out inside.";
}

function Result({ progress, result, refusal }) {
  if (refusal !== null) return html`<p role="alert">${refusal}</p>`;
  if (result === null) return html`<p role="status"><progress max="1" value=${progress}></progress> Reading every sample: ${Math.round(100 * progress)} %</p>`;
  if (result.series.length === 0 || (result.against_ms !== undefined && !(result.has_before && result.has_during))) return html`<p role="status">${noneText(result)}</p>`;
  const note = result.has_before ? null : html`<p role="status">Nothing was recorded before. This stood out inside:</p>`;
  return html`${note}<ol>${result.series.map((series) => html`<${Row} key=${series.id} series=${series} />`)}</ol>`;
}

/** "165 containers and services, 39 metrics". */
const countsOf = (result) => result?.compared && `${result.compared.series} containers and services${result.partial ? " (not all)" : ""}, ${result.compared.metrics} metrics`;

/** Whether a name may stand for different containers in the view and in a pack. */
const hasReplacedNames = ({ source }) => source.manifest.redacted.length > 0 || openedPack.value?.manifest.redacted.length > 0;

/** The range that lies under the view, and how the view differs from it. */
function Other() {
  const { from_ms, to_ms, shift_ms } = otherRange.value;
  const text = shift_ms % 86_400_000 === 0 ? datedRange(from_ms, to_ms) : viewRange(from_ms, to_ms);
  const pack = otherPack.value, under = byId.value.get(pairedIds.value?.other);
  const title = under ? fullName(under) : pack ? pack.fileName : text;
  const earlier = `${pack ? `${text}, ` : ""}${shift_ms === 0 ? "at the same time" : `${duration(Math.abs(shift_ms))} ${shift_ms > 0 ? "earlier" : "later"}`}`;
  return html`<section class="changes open" aria-label="What differs">
    <div class="head"><h2>Compared with ${title}</h2><span class="mut" title=${earlier}>${earlier}</span>
      <button class="link end" onClick=${chooseOtherRange} title="Compare with another range (X)">Change</button>
      <button class="link" onClick=${stopComparing}>Close</button></div>
    <p class="legend"><i class="pale"></i>there <i class="thin"></i>in view${" "}<span class="mut">${countsOf(comparison.value?.result)}</span></p>
    ${wallKeys.value.size > 0 && html`<p class="mut">A wall shows one of the two: <button class="link" title="On all walls (B)" onClick=${flipWalls}>${showsOther.value ? "show the view" : "show the rows of there"}</button></p>`}
    ${pack && hasReplacedNames(pack) && html`<p class="mut">Names were replaced, in each file for itself: lines of different containers may lie under each other.</p>`}
    ${otherRefusal.value && html`<p role="alert">${otherRefusal.value}</p>`}
    ${comparison.value ? html`<${Result} ...${comparison.value} />`
      : html`<p role="status" class="mut">${canCompare() ? "Reading…" : `${range.value.live ? "Pause" : "Zoom to an hour or less"} to read in words what differs.`}</p>`}
  </section>`;
}

/** The comparison, or buttons that start one. */
export function Changes() {
  if (health.value?.oldest_ms == null) return null;
  if (otherRange.value) return html`<${Other} />`;
  if (comparison.value === null) {
    const before = duration(Math.min(view.value.to_ms - view.value.from_ms, MAX_BEFORE_MS));
    return html`<section class="changes" aria-label="What changed">
      ${openedPack.value !== null ? html`<p class="mut">What changed from the time before is not in a saved file.</p>`
        : canCompare() && html`<button class="link" onClick=${compare}>What changed? Compare with the ${before} before</button> `}
      <button class="link" onClick=${chooseOtherRange}>Compare with another range</button>
    </section>`;
  }
  return html`<section class="changes open" aria-label="What changed">
    <div class="head"><h2>What changed</h2><span class="mut">${countsOf(comparison.value.result)}</span>
      <button class="link end" onClick=${closeComparison}>Close</button></div>
    <${Result} ...${comparison.value} />
  </section>`;
}
