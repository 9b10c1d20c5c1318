// The page of a cluster: nodes as rows, the last hours as strips, and the ranking over all nodes at the cursor.

import { html, render } from "../browser/html.js";
import { startTheme, toggleTheme } from "../state/theme.js";
import { Ranking } from "./ranking.js";
import { Rows } from "./rows.js";
import { chooseRange, context, failure, isPaused, load, nodes, range, RANGES, rows, start } from "./state.js";

function Page() {
  return html`<header>
      <h1>fgm cluster${context.value && ` · ${context.value}`}</h1>
      <span role="group" aria-label="Range">${RANGES.map(([name]) => html`<button aria-pressed=${range.value.name === name ? "true" : "false"} onClick=${() => chooseRange(name)}>${name}</button>`)}</span>
      <button onClick=${load}>Reload</button>
      <span class="legend"><span><i class="i-cpu"></i>CPU</span><span><i class="i-memory"></i>memory</span><span><i class="i-pressure"></i>pressure</span><span><i class="i-event"></i>events</span></span>
      <span class="space"></span>
      <span class="note">${progress()}</span>
      <button onClick=${toggleTheme} title="Switch between light and dark">◐</button>
    </header>
    ${failure.value && html`<p class="rows problem" role="alert">${failure.value}</p>`}
    ${nodes.value !== null && html`<main><${Rows} /><${Ranking} /></main>`}`;
}

function progress() {
  if (nodes.value === null) return failure.value ? "" : "asking the cluster …";
  const asked = rows.value.size, failed = [...rows.value.values()].filter(({ error }) => error).length;
  const paused = isPaused.value ? "; no longer up to now: Reload" : "";
  return `${asked} of ${nodes.value.length} nodes${failed ? `, ${failed} ${failed === 1 ? "does" : "do"} not answer` : ""}${paused}`;
}

startTheme();
render(html`<${Page} />`, document.getElementById("page"));
start();
