// What the page says when there are no lanes to show, and the quiet lines above them when something is amiss.

import { notes } from "../state/dashboards.js";
import { html, useState } from "../browser/html.js";
import { connected, health, instance, MOST_SHOWN, picked, ready, refusals } from "../state/store.js";
import { clock, exactly } from "../lib/time-format.js";

const KUBECTL = "kubectl -n fine-grained-monitor";
const DAEMON_SET = "ds/fine-grained-monitor";
/** A path as a shell takes it. */
const quoted = (path) => (/^[\w@%+=:,./-]+$/.test(path) ? path : `'${path.replaceAll("'", "'\\''")}'`);

function Command({ text }) {
  const [copied, setCopied] = useState(false);
  const copy = async () => {
    await navigator.clipboard.writeText(text);
    setCopied(true);
    setTimeout(() => setCopied(false), 2000);
  };
  // A page that came over plain HTTP from another machine has no clipboard.
  const button = navigator.clipboard && html`<button onClick=${copy}>${copied ? "Copied" : "Copy"}</button>`;
  return html`<span class="command"><code>${text}</code>${button}</span>`;
}

/** What is known of where the viewer runs; what it said last stays known when it is gone. */
function Recovery() {
  const { pod_name, port } = { ...instance.value, ...health.value };
  if (!pod_name) {
    const data_dir = health.value && quoted(health.value.data_dir);
    return html`<span>Trying again; if the viewer has ended, start it:</span><${Command} text="fgm run" />
      ${data_dir && html`<span>or, for the viewer alone,</span><${Command} text=${`fgm-viewer ${data_dir}`} />`}`;
  }
  return html`<span>Trying again; if the port-forward has ended:</span>
    <${Command} text=${`${KUBECTL} port-forward pod/${pod_name} ${location.port || "80"}:${port}`} />`;
}

const LookedFor = ({ data_dir }) => html`<p>
  Looking in <code>${data_dir}</code> for <code>index.json</code>, then below <code>dt=…/identifier=…/</code>${" "}
  for <code>metrics-….parquet</code> and <code>live-….journal</code>.
</p>`;

function Starting() {
  return html`<h2>Starting…</h2>
    <p>The viewer is loading. This takes some seconds, more on a node under pressure.</p>`;
}

function Indexing({ health }) {
  return html`<h2>Reading the data directory…</h2>
    <p>There are data files in <code>${health.data_dir}</code> but no usable index,
      so the list of containers is being made from the files, newest first.</p>`;
}

/** What to do, where the viewer runs: in its pod, or, where none is known, on this machine or in a cluster. */
function Places({ data_dir, pod_name, here: Here, inCluster: InCluster }) {
  const folder = quoted(data_dir);
  if (pod_name) return html`<${InCluster} folder=${folder} pod=${`pod/${pod_name}`} />`;
  return html`<h3>On this machine</h3><${Here} folder=${folder} />
    <h3>In a cluster</h3><${InCluster} folder=${folder} pod=${DAEMON_SET} />`;
}

const IsItRunning = ({ folder }) => html`<p>A collector must write to the same directory:
  <${Command} text=${`fine-grained-monitor --data-dir ${folder}`} /></p>`;

const PodsAndLogs = ({ pod }) => html`<p>Is the collector running on this node, and what does it say?
  <${Command} text=${`${KUBECTL} get pods -o wide`} /><${Command} text=${`${KUBECTL} logs ${pod} -c monitor --tail=20`} /></p>`;

const Restart = ({ folder }) => html`<ol>
  <li>Is a collector running, and is it writing to this directory? This starts one, if there is none:
    <${Command} text=${`fine-grained-monitor --data-dir ${folder}`} /></li>
  <li>Can it write there, and is the disk not full?
    <${Command} text=${`ls -la ${folder}`} /><${Command} text=${`df -h ${folder}`} /></li>
</ol>`;

const Checks = ({ folder, pod }) => html`<ol>
  <li>Is the collector running on this node, and what does it say?
    <${Command} text=${`${KUBECTL} get pods -o wide`} /><${Command} text=${`${KUBECTL} logs ${pod} -c monitor --tail=20`} /></li>
  <li>Is the data volume mounted at the same place in both containers?
    <${Command} text=${`${KUBECTL} describe ${pod} | grep -A12 Mounts`} />
    <${Command} text=${`${KUBECTL} exec ${pod} -c monitor -- ls -la ${folder}`} /></li>
  <li>Can the collector write there, and is the disk not full?
    <${Command} text=${`${KUBECTL} exec ${pod} -c monitor -- df -h ${folder}`} /></li>
</ol>`;

function Waiting({ health }) {
  const left_s = Math.max(0, Math.ceil(health.timeout_s - health.waited_s));
  return html`<h2>Waiting for metrics data…</h2>
    <${LookedFor} ...${health} />
    <p class="mut">Waited ${exactly(health.waited_s * 1000)}.${left_s > 0 && ` After ${exactly(left_s * 1000)} more this page says what to check.`}${" "}
      It goes on by itself as soon as there is data.</p>
    <${Places} ...${health} here=${IsItRunning} inCluster=${PodsAndLogs} />`;
}

function TimedOut({ health }) {
  return html`<h2>No metrics data after ${exactly(health.waited_s * 1000)}</h2>
    <${LookedFor} ...${health} />
    <p>The collector writes there once a second while it runs. Please check:</p>
    <${Places} ...${health} here=${Restart} inCluster=${Checks} />
    <p class="mut">Still looking; this page goes on by itself as soon as there is data.</p>`;
}

const PAGES = { starting: Starting, indexing: Indexing, waiting: Waiting, timed_out: TimedOut };

/** The page while there is nothing to draw. */
export function StatePage() {
  const Page = PAGES[health.value?.state] ?? Starting;
  return html`<main class="state" aria-live="polite"><${Page} health=${health.value} /></main>`;
}

/** At most one line for each thing that is amiss while the page stays usable. */
export function Banners() {
  const { index, index_note, skipped_files_total = 0, skipped_files = [], now_ms, state } = health.value ?? {};
  const lines = [];
  if (!connected.value) {
    lines.push(html`<div class="banner" role="alert"><b>Disconnected${now_ms ? ` since ${clock(now_ms)}` : ""}.</b>
      <span>What is loaded stays usable.</span><${Recovery} /></div>`);
  } else if (state && instance.value && !ready.value) {
    lines.push(html`<div class="banner" role="status"><b>The viewer has no data just now.</b>
      <span>It has been started again or its directory was replaced (${state.replace("_", " ")}).</span></div>`);
  }
  if (picked.value?.length > MOST_SHOWN) lines.push(html`<div class="banner quiet" role="status">Of the ${picked.value.length} chosen, the first ${MOST_SHOWN} are drawn.</div>`);
  for (const note of notes.value) lines.push(html`<div class="banner quiet" role="status">${note}</div>`);
  const refusal = refusals.lines.value ?? refusals.explained.value;
  if (refusal) lines.push(html`<div class="banner" role="alert"><b>The viewer refused.</b> <span>${refusal}</span></div>`);
  // A state page itself says what is missing, and nothing is listed below it.
  const lanes = ready.value || instance.value !== null;
  if (lanes && (index_note || index === "bad" || index === "rebuilt")) {
    lines.push(html`<div class="banner quiet" role="status">${index_note ?? `The index was ${index}.`}</div>`);
  }
  if (skipped_files_total > 0) {
    const names = skipped_files.map(({ file, reason }) => `${file}: ${reason}`).join("\n");
    lines.push(html`<div class="banner quiet" role="status" title=${names}>
      ${skipped_files_total === 1 ? "1 file could not be read" : `${skipped_files_total} files could not be read`}; the rest is shown.
      ${skipped_files[0] && html` <span class="mut">${skipped_files[0].file}: ${skipped_files[0].reason}</span>`}</div>`);
  }
  return lines.length > 0 && html`<div class="banners">${lines}</div>`;
}
