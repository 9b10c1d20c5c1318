// The pages that are shown before there is data: what the viewer is doing, where it looks for data, and what to check.

import { html } from "../browser/html.js";
import { duration } from "../lib/time-format.js";
import { packRefusal } from "../state/pack.js";
import { health } from "../state/store.js";
import { ShellCommand, shellQuoted } from "../widgets/shell-command.js";
import { UnusableFile } from "./opened-pack.js";

const KUBECTL = "kubectl -n fine-grained-monitor";
const DAEMON_SET = "ds/fine-grained-monitor";

const SearchedPaths = ({ data_dir }) => html`<p>
  Looking in <code>${data_dir}</code> for <code>index.json</code>, and in <code>dt=…/identifier=…/</code>${" "}
  for <code>metrics-….parquet</code> and <code>live-….journal</code>.
</p>`;

function Starting() {
  return html`<h2>Starting…</h2>
    <p>The viewer is starting. This takes a few seconds, longer on a node under load.</p>`;
}

function Indexing({ health }) {
  return html`<h2>Reading the data directory…</h2>
    <p>There are data files in <code>${health.data_dir}</code> but no usable index.
      The list of containers is being read from the files, newest first.</p>`;
}

/** Instructions for the viewer's pod; if it is unknown, both for this machine and for a cluster. */
function Instructions({ data_dir, pod_name, local: Local, cluster: Cluster }) {
  const folder = shellQuoted(data_dir);
  if (pod_name) return html`<${Cluster} folder=${folder} pod=${`pod/${pod_name}`} />`;
  return html`<h3>On this machine</h3><${Local} folder=${folder} />
    <h3>In a cluster</h3><${Cluster} folder=${folder} pod=${DAEMON_SET} />`;
}

const StartCollector = ({ folder }) => html`<p>A collector must write to the same directory:
  <${ShellCommand} text=${`fine-grained-monitor --data-dir ${folder}`} /></p>`;

const CollectorLogs = ({ pod }) => html`Is the collector running on this node, and what does it log?
  <${ShellCommand} text=${`${KUBECTL} get pods -o wide`} /><${ShellCommand} text=${`${KUBECTL} logs ${pod} -c monitor --tail=20`} />`;

const LocalChecks = ({ folder }) => html`<ol>
  <li>Is a collector running, and does it write to this directory? This starts one if there is none:
    <${ShellCommand} text=${`fine-grained-monitor --data-dir ${folder}`} /></li>
  <li>Can it write to this directory, and does the disk have free space?
    <${ShellCommand} text=${`ls -la ${folder}`} /><${ShellCommand} text=${`df -h ${folder}`} /></li>
</ol>`;

const ClusterChecks = ({ folder, pod }) => html`<ol>
  <li><${CollectorLogs} pod=${pod} /></li>
  <li>Is the data volume mounted at the same path in both containers?
    <${ShellCommand} text=${`${KUBECTL} describe ${pod} | grep -A12 Mounts`} />
    <${ShellCommand} text=${`${KUBECTL} exec ${pod} -c monitor -- ls -la ${folder}`} /></li>
  <li>Can the collector write to it, and does the disk have free space?
    <${ShellCommand} text=${`${KUBECTL} exec ${pod} -c monitor -- df -h ${folder}`} /></li>
</ol>`;

function Waiting({ health }) {
  const left_s = Math.max(0, Math.ceil(health.timeout_s - health.waited_s));
  return html`<h2>Waiting for metrics data…</h2>
    <${SearchedPaths} ...${health} />
    <p class="mut">Waited ${duration(health.waited_s * 1000)}.${left_s > 0 && ` In ${duration(left_s * 1000)} this page will show what to check.`}${" "}
      The page continues automatically when there is data.</p>
    <${Instructions} ...${health} local=${StartCollector} cluster=${({ pod }) => html`<p><${CollectorLogs} pod=${pod} /></p>`} />`;
}

function TimedOut({ health }) {
  return html`<h2>No metrics data after ${duration(health.waited_s * 1000)}</h2>
    <${SearchedPaths} ...${health} />
    <p>A running collector writes there once a second. Please check:</p>
    <${Instructions} ...${health} local=${LocalChecks} cluster=${ClusterChecks} />
    <p class="mut">The viewer keeps looking; the page continues automatically when there is data.</p>`;
}

const PAGES = { starting: Starting, indexing: Indexing, waiting: Waiting, timed_out: TimedOut };

/** The page for the present state of the viewer. */
export function StartPage() {
  const Page = packRefusal.value !== null && health.value === null ? UnusableFile : PAGES[health.value?.state] ?? Starting;
  return html`<main class="state" aria-live="polite"><${Page} health=${health.value} /></main>`;
}
