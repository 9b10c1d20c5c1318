// The processes of a row of the cursor table, at the cursor.

import { html } from "../browser/html.js";
import { clock, roughDuration } from "../lib/time-format.js";
import { formatNumber, unitFor } from "../lib/units.js";
import { addProcessLane } from "../state/lanes.js";
import { closeProcesses, openedId, openProcesses, processesAtCursor, wantedAtCursor } from "../state/processes.js";

const CROWD = 5; // a name is mentioned if so many processes have it
const RECORDED = 10; // the collector records so many processes for their CPU, and as many for their memory
const MIN_CHILDREN = 50; // millicores; less CPU of ended children is not mentioned
const MIN_GROWTH = 1 << 20; // a smaller change of memory is not shown

/** Sentences on what the list does not show: how many processes have one name, and how many of them are new. */
function Crowds({ names, from_ms, at_ms }) {
  const crowds = names.filter(({ processes, started }) => processes >= CROWD || started >= CROWD);
  const span = roughDuration(at_ms - from_ms);
  return crowds.map(({ comm, processes, started }) => html`<p key=${comm} class="crowd"><b>${processes} × ${comm}</b> seen in the ${span} before${
    started > 0 && `, ${started === processes ? "all" : started} started in it`}</p>`);
}

/** Sentences on processes that have ended: those that started them know how much CPU they used. */
function EndedChildren({ processes, unit }) {
  const parents = processes.filter(({ children_millicores }) => children_millicores >= MIN_CHILDREN);
  return parents.map(({ pid, comm, children_millicores }) => html`<p key=${pid} class="crowd">ended children of <b>${comm}</b> (${pid}): ${
    formatNumber(children_millicores, unit)} ${unit.label}</p>`);
}

function Growth({ process, unit }) {
  const growth = process.rss_bytes - process.rss_bytes_first;
  if (process.readings < 2 || Math.abs(growth) < MIN_GROWTH) return null;
  const text = `${growth < 0 ? "−" : "+"}${formatNumber(Math.abs(growth), unit)}`;
  return html`<small title=${`since ${clock(process.first_ms)}`}>${text}</small>`;
}

function Process({ process, units, at_ms }) {
  const { pid, comm, threads, fds, cpu_millicores, rss_bytes, start_ms } = process;
  const number = (value, unit) => (value === null ? "–" : formatNumber(value, unit));
  const age_ms = at_ms - start_ms;
  return html`<tr>
    <th scope="row" title=${`pid ${pid}, started ${clock(start_ms)}`}><span class="name">${comm || "?"}</span><small>${pid}, ${roughDuration(Math.max(0, age_ms))} old</small></th>
    <td>${number(cpu_millicores, units.cpu)}</td>
    <td>${number(rss_bytes, units.memory)}<${Growth} process=${process} unit=${units.memory} /></td>
    <td>${threads ?? "–"}</td><td>${fds ?? "–"}</td></tr>`;
}

function List({ answer, by }) {
  const { processes, names, total, at_ms, from_ms } = answer;
  if (processes.length === 0) return html`<p role="status">No process was read in the ${roughDuration(at_ms - from_ms)} before ${clock(at_ms)}.</p>`;
  const highest = (field) => Math.max(...processes.map((process) => process[field] ?? 0));
  const units = { cpu: unitFor("millicores", highest("cpu_millicores")), memory: unitFor("bytes", highest("rss_bytes")) };
  const read_ms = Math.max(...processes.map(({ last_ms }) => last_ms));
  const head = (name, title, unit) => html`<th scope="col" class=${name === by ? "on" : ""}>${title}<br />${unit}</th>`;
  return html`<${Crowds} names=${names} from_ms=${from_ms} at_ms=${at_ms} />
    <${EndedChildren} processes=${processes} unit=${unitFor("millicores", highest("children_millicores"))} />
    <table><caption class="unseen">Processes, read at ${clock(read_ms)}</caption>
      <thead><tr><th scope="col">process<br />pid</th>${head("cpu", "CPU", units.cpu.short)}${head("memory", "memory", units.memory.short)}
        <th scope="col">threads</th><th scope="col">files</th></tr></thead>
      <tbody>${processes.map((process) => html`<${Process} key=${`${process.pid} ${process.start_ms}`} process=${process} units=${units} at_ms=${at_ms} />`)}</tbody>
    </table>
    <p class="mut">${total > processes.length ? `the first ${processes.length} of ` : ""}${total} ${total === 1 ? "process" : "processes"}, read at ${clock(read_ms)}${
      total >= RECORDED ? `; of each container, the ${RECORDED} busiest and the ${RECORDED} largest are recorded` : ""}</p>`;
}

/** The button of a row that opens and closes its processes. */
export function ProcessesButton({ id, name }) {
  const isOpen = openedId.value === id;
  return html`<button class="disclose" aria-expanded=${isOpen} aria-label=${`Processes of ${name}`} title=${`${isOpen ? "Close" : "Show"} the processes of ${name} (o)`}
    onClick=${() => (isOpen ? closeProcesses() : openProcesses(id))}>${isOpen ? "▾" : "▸"}</button>`;
}

/** The open processes of a row, as a row of the cursor table. */
export function Processes({ id, name, columns }) {
  if (openedId.value !== id) return null;
  const found = processesAtCursor.value?.id === wantedAtCursor.value?.id ? processesAtCursor.value : null;
  const addLane = () => addProcessLane(id, found?.by ?? "cpu");
  return html`<tr class="inner"><td colspan=${columns}><section class="processes" aria-label=${`Processes of ${name} at the cursor`}>
    ${found === null ? html`<p role="status">Loading…</p>` : found.refusal ? html`<p role="alert">${found.refusal}</p>` : html`<${List} answer=${found.answer} by=${found.by} />`}
    <p><button class="link" onClick=${addLane}>Lane of these processes</button> <button class="link" onClick=${closeProcesses}>Close</button></p>
  </section></td></tr>`;
}
