// The top line: which node, how fresh the data is, which range is shown, follow or hold, theme.

import { isDark, themeTurn, toggleTheme } from "../browser/theme.js";
import { showsKeys } from "../commands/commands.js";
import { html } from "../browser/html.js";
import { completeness } from "../server/node-history.js";
import { connected, edge_ms, health, instance, newest_ms, range, ready, view } from "../state/store.js";
import { ALL, clock, dayRange, exactly, moment, PRESETS } from "../lib/time-format.js";
import { TimeBox } from "./time-box.js";
import { follow, pause, preset, showAll } from "../state/view.js";

const FRESH_MS = 15_000;

function Freshness() {
  const newest = newest_ms.value;
  if (newest === null) return null;
  const behind_ms = Math.max(0, edge_ms.value - newest);
  const ahead_ms = newest - edge_ms.value;
  const { live } = range.value;
  let text;
  if (!connected.value) text = `until ${clock(newest)}`;
  else if (!live) text = `paused, until ${moment(view.value.to_ms, edge_ms.value)}`;
  else if (ahead_ms > FRESH_MS) text = `until ${moment(newest, edge_ms.value)}, ${exactly(ahead_ms)} ahead of the node's clock`;
  else if (behind_ms <= FRESH_MS) text = `live, ${Math.round(behind_ms / 1000)} s behind`;
  else text = `until ${moment(newest, edge_ms.value)}, nothing for ${exactly(behind_ms)}`;
  const fresh = connected.value && live && behind_ms <= FRESH_MS && ahead_ms <= FRESH_MS;
  return html`<div class="fresh"><i class=${fresh ? "on" : ""}></i><span>${text}</span></div>`;
}

function DataRange() {
  const { oldest_ms } = health.value;
  if (oldest_ms === null || newest_ms.value === null) return null;
  return html`<div class="data mut">data ${dayRange(oldest_ms, newest_ms.value)}<${Complete} /></div>`;
}

/** 99.97 % complete, 6 s missing: of the overview's range. */
function Complete() {
  if (!completeness.value) return null;
  const { missing_s, complete, from_ms } = completeness.value;
  const since = `since ${moment(from_ms, edge_ms.value)}`;
  if (missing_s === 0) return html`<span title=${`No second is missing ${since}`}> · complete</span>`;
  const share = (Math.floor(complete * 10_000) / 100).toFixed(2);
  return html`<span title=${`${exactly(1000 * missing_s)} were not recorded ${since}`}> · ${share} % complete, ${exactly(1000 * missing_s)} missing</span>`;
}

function Presets() {
  const { live, span_ms, from_ms, to_ms } = range.value;
  const present = live ? span_ms : to_ms - from_ms;
  const button = ([text, size]) => html`<button class=${size === present ? "on" : ""} aria-pressed=${size === present}
    title=${`Show ${text}`} onClick=${() => preset(size)}>${text}</button>`;
  return html`<div class="presets" role="group" aria-label="Length of the range">
    ${PRESETS.map(button)}<button class=${present === ALL ? "on" : ""} aria-pressed=${present === ALL} title="Show all data"
      onClick=${showAll}>all</button>
  </div>`;
}

function FollowButton() {
  return range.value.live
    ? html`<button class="follow" title="Hold the view still" onClick=${pause}>
        <svg width="8" height="10" aria-hidden="true"><path d="M1.5 0v10M6.5 0v10" stroke="currentColor" stroke-width="2" /></svg><span>Pause</span>
      </button>`
    : html`<button class="follow" title="Follow the newest data" onClick=${() => follow()}>
        <svg width="9" height="10" aria-hidden="true"><path d="M0 0l9 5-9 5z" fill="currentColor" /></svg><span>Live</span>
      </button>`;
}

function ThemeButton() {
  themeTurn.value; // drawn again when the theme turns
  const label = isDark() ? "Light theme" : "Dark theme";
  return html`<button class="theme" aria-label=${label} title=${label} onClick=${toggleTheme}>
    <svg width="14" height="14" aria-hidden="true">
      <circle cx="7" cy="7" r="5.5" fill="none" stroke="currentColor" /><path d="M7 1.5a5.5 5.5 0 0 1 0 11z" fill="currentColor" />
    </svg>
  </button>`;
}

export function Header() {
  const { node_name, cluster_name } = instance.value ?? {};
  document.title = node_name ? `${node_name} – fgm` : "fgm";
  return html`<header>
    <h1>${node_name ?? "fgm"}${cluster_name && html`<span>${cluster_name}</span>`}</h1>
    ${ready.value && html`<${Freshness} /><${DataRange} />`}
    <div class="controls">
      ${ready.value && html`<${TimeBox} /><${Presets} />`}
      <div class="actions">${ready.value && html`<${FollowButton} />`}<${ThemeButton} />
        <button class="theme" aria-label="Keys" title="Keys" onClick=${() => (showsKeys.value = true)}>?</button></div>
    </div>
  </header>`;
}
