// What stood out in view, as sentences. A click shows a finding on the lanes.

import { html } from "../browser/html.js";
import { clockIn, datedRange, duration, viewRange, withLocalTimes } from "../lib/time-format.js";
import { formatNumber, unitFor } from "../lib/units.js";
import { FIRST_FINDINGS, findingKey, findingProcesses, findingsAnswer, findingsRefusal, findingsState, isShown, LONGEST_MS, releaseFinding, showFinding, shownFinding, showsAllFindings } from "../state/analysis/findings.js";
import { focus } from "../state/lanes.js";
import { range, view } from "../state/store.js";
import { focusLane } from "../widgets/lane-focus.js";

/** The text of a finding, with the name of the culprit in bold. */
function Sentence({ finding: { name, text, from_ms } }) {
  const [before, ...rest] = withLocalTimes(text, from_ms).split(name);
  return rest.length > 0 ? html`${before}<b>${name}</b>${rest.join(name)}` : before;
}

/** The process behind a finding: "Process worker (1699) of 20: +90.0 MiB". */
function Process({ finding }) {
  const { amount, process, total } = findingProcesses.value.get(findingKey(finding)) ?? {};
  if (!process) return null;
  const { comm, pid, rss_bytes, rss_bytes_first, cpu_millicores_mean, threads, fds } = process;
  const text = (value, unit) => `${formatNumber(value, unitFor(unit, value))} ${unitFor(unit, value).label}`;
  const growth = rss_bytes - rss_bytes_first;
  const of = {
    memory: () => `${growth > 0 ? `+${text(growth, "bytes")}, now ` : ""}${text(rss_bytes, "bytes")}`,
    cpu: () => text(cpu_millicores_mean, "millicores"),
    threads: () => `${threads} threads`,
    files: () => `${fds} open files`,
  }[amount]();
  return html` <small>Process ${comm} (${pid})${total > 1 ? `, one of ${total}` : ""}: ${of}.</small>`;
}

function Item({ finding, rank }) {
  const show = () => {
    showFinding(finding);
    focusLane(focus.peek()); // scrolls to it
  };
  const others = finding.others.length > 0 ? ` and ${finding.others.map(({ name }) => name).join(", ")}` : "";
  return html`<li><button class=${isShown(finding) ? "on" : ""} aria-current=${isShown(finding) ? "true" : undefined} data-kind=${finding.kind}
    title=${`Show ${finding.name}${others} from ${clockIn(finding.from_ms, view.value)} on`} onClick=${show}>
    <i aria-hidden="true">${rank}</i><span><${Sentence} finding=${finding} /><${Process} finding=${finding} /></span></button></li>`;
}

/**
 * The range that was looked at, in words: "14:20–14:35", "the last 15 min", "the last hour of this view, 13:35–14:35", or "the newest
 * data, 29 Nov 13:35:00–14:35:00" if all data is older than the view.
 */
function rangeText({ from_ms, to_ms, key }) {
  const length_ms = to_ms - from_ms;
  if (to_ms <= view.value.from_ms && shownFinding.value === null) return `the newest data, ${datedRange(from_ms, to_ms)}`;
  const { span_ms } = range.value;
  if (key.startsWith("live")) return `the last ${span_ms < LONGEST_MS ? duration(span_ms) : "hour"}${span_ms > LONGEST_MS ? " of this view" : ""}`;
  const isPart = shownFinding.value === null && view.value.to_ms - view.value.from_ms > LONGEST_MS && length_ms >= LONGEST_MS;
  return `${isPart ? "the last hour of this view, " : ""}${viewRange(from_ms, to_ms)}`;
}

/** What was looked at: "looked at 40 series, 900 ticks, 31 metrics". */
function lookedAtText({ looked_at: { series, ticks, metrics }, partial, skipped_files }) {
  const notes = [partial && "not all data", skipped_files > 0 && `${skipped_files} ${skipped_files === 1 ? "file" : "files"} could not be read`].filter(Boolean);
  return ["looked at " + [`${series} series`, `${ticks} ticks`, `${metrics} metrics`].join(", "), ...notes].join("; ");
}

/** Whether a finding is behind the button: all but the first ones and the one that is shown. */
const isHidden = (finding, i) => !showsAllFindings.value && i >= FIRST_FINDINGS && !isShown(finding);

/** The button that shows the findings behind it, or hides them again. */
function MoreButton({ findings }) {
  const hidden = findings.filter(isHidden).length;
  if (hidden > 0) return html`<button class="link" aria-expanded="false" onClick=${() => (showsAllFindings.value = true)}>${hidden} more</button>`;
  return showsAllFindings.value && findings.length > FIRST_FINDINGS && html`<button class="link" aria-expanded="true" onClick=${() => (showsAllFindings.value = false)}>Fewer</button>`;
}

/** The sentences of an answer, and what was looked at. */
function Answer({ answer, isCurrent }) {
  const { findings, looked_at } = answer;
  const items = findings.map((finding, i) => isHidden(finding, i) ? null : html`<${Item} key=${findingKey(finding)} finding=${finding} rank=${i + 1} />`);
  const what = looked_at.ticks === 0 ? "was recorded" : "stood out";
  return html`${findings.length > 0 ? html`<ol>${items}</ol>` : isCurrent && html`<p>Nothing ${what} in ${rangeText(answer)}.</p>`}
    ${isCurrent && html`<p class="foot"><${MoreButton} findings=${findings} /><span class="mut">${lookedAtText(answer)}</span></p>`}`;
}

/** The panel of findings. */
export function Findings() {
  const state = findingsState.value, answer = findingsAnswer.value;
  const isCurrent = state === "done";
  const note = state === "looking" ? "looking…" : isCurrent && answer.findings.length > 0 ? `in ${rangeText(answer)}` : "";
  return html`<section class=${`findings ${state}`} aria-label="What stood out" aria-busy=${state === "looking"} aria-keyshortcuts="i Shift+I">
    <div class="head"><h2>What stood out</h2><span class="mut">${note}</span>
      ${shownFinding.value && html`<button class="link end" title="Look at the range in view" onClick=${releaseFinding}>This view</button>`}</div>
    <p class="unseen" role="status">${isCurrent && answer.findings.length > 0 && `${answer.findings.length} ${answer.findings.length === 1 ? "finding" : "findings"} ${note}`}</p>
    ${state === "refused" ? html`<p role="alert">${findingsRefusal.value.text}</p>` : answer && html`<${Answer} answer=${answer} isCurrent=${isCurrent} />`}
  </section>`;
}
