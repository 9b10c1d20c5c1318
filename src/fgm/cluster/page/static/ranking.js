// What happened in the minute at the cursor, over all nodes: what stood out, events, top users, and what is missing.

import { html } from "../browser/html.js";
import { clock, withLocalTimes } from "../lib/time-format.js";
import { addressOf, amount } from "./rows.js";
import { minute, nodes, shown } from "./state.js";

const TITLES = { total_cpu_usage_millicores: "Most CPU", memory_working_set: "Most memory", io_bytes_per_s: "Most I/O" };
const OUTSIDE = "outside";

export function Ranking() {
  const answer = minute.value;
  if (answer === null) return html`<aside tabindex="0" aria-label="The minute at the cursor"><p class="note">Click on a strip, or move the cursor with ← → and press Enter, to ask all nodes what happened then.</p></aside>`;
  return html`<aside tabindex="0" aria-label="The minute at the cursor" aria-live="polite"><h2>The minute around ${clock(answer.at_ms)}</h2>${bodyOf(answer)}</aside>`;
}

function bodyOf({ error, ranking, done, of }) {
  if (error) return html`<p class="problem">${error}</p>`;
  if (!ranking) return html`<p class="note">${done} of ${of} nodes have been asked</p><progress value=${done} max=${of || 1} aria-label="Nodes that have been asked"></progress>`;
  const { findings, found, events, failures } = ranking, counted = Object.entries(ranking.events_not_listed);
  return html`
    <h2>What stood out${found > findings.length ? ` (${findings.length} of ${found})` : ""}</h2>
    ${findings.length === 0 ? html`<p class="note">Nothing.</p>` : html`<ol>${findings.map((finding) => html`<li><${Node} name=${finding.node} at_ms=${finding.from_ms} />: ${withLocalTimes(finding.text, finding.from_ms)} <span class="note">strength ${finding.strength}</span></li>`)}</ol>`}
    ${events.length + counted.length > 0 && html`<h2>Events</h2>`}
    ${events.length > 0 && html`<table class="events">${events.map((event) => html`<tr><td class="number">${clock(event.time_ms)}</td><td><${Node} name=${event.node} at_ms=${event.time_ms} isShort /></td><td>${event.name}: ${event.what}</td></tr>`)}</table>`}
    ${counted.length > 0 && html`<p class="note">${events.length > 0 ? "and " : ""}${counted.map(inWords).join(", ")}</p>`}
    ${Object.entries(ranking.users).map(([metric, users]) => html`<h2>${TITLES[metric] ?? metric} <span class="note">mean, share of the node</span></h2><table>${users.map((user) => html`<tr><td class="number">${amount(user.mean, ranking.units[metric])}</td><td class="number share">${percent(user.share_of_node)}</td><td class="node"><${Node} name=${user.node} at_ms=${ranking.from_ms} isShort /></td><td title=${[user.namespace, user.pod_name].filter(Boolean).join("/")}>${user.id === OUTSIDE ? "outside containers" : user.name}</td></tr>`)}</table>`)}
    <${Missing} failures=${failures} sources=${ranking.sources} />`;
}

/** The number of events of a kind, as `fgm ask` writes it: 2 starts, or oom kill: 3. */
function inWords([kind, count]) {
  return kind === "start" || kind === "exit" ? `${count} ${kind}${count === 1 ? "" : "s"}` : `${kind.replaceAll("_", " ")}: ${count}`;
}

/** A share of what the node has; "" if it is not known. */
function percent(share) {
  if (share === null) return "";
  if (share > 0 && share < 0.0005) return "< 0.1 %";
  return `${(100 * share).toFixed(share >= 0.0995 || share === 0 ? 0 : 1)} %`;
}

function Node({ name, at_ms, isShort }) {
  if (!nodes.value?.includes(name)) return name;
  return html`<a href=${addressOf(name, at_ms)} target="_blank" title=${isShort ? name : undefined}>${isShort ? shown.value.get(name) : name}</a>`;
}

function Missing({ failures, sources }) {
  const failed = byReason(failures), missing = byReason(sources.flatMap(({ source, missing: reasons }) => reasons.map((reason) => ({ source, reason }))));
  if (failed.size === 0 && missing.size === 0) return null;
  return html`<h2>What is missing</h2><ul>
    ${[...failed].map(([reason, names]) => html`<li class="problem">${listed(names, 32)}: ${reason}</li>`)}
    ${[...missing].map(([reason, names]) => html`<li>${listed(names, 8)}: ${reason}</li>`)}
  </ul>`;
}

/** reason → the names of the nodes that have it. */
function byReason(facts) {
  const names = new Map();
  for (const { source, reason } of facts) names.set(reason, [...(names.get(reason) ?? []), source.replace(/^node\//, "")]);
  return names;
}

const listed = (names, most) => names.slice(0, most).join(", ") + (names.length > most ? ` and ${names.length - most} more` : "");
