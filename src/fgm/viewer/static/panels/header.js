// The top line: the node, how recent the data is, the range in view, pause or live, the theme.

import { html } from "../browser/html.js";
import { isDark } from "../browser/theme-colours.js";
import { ALL, clock, clockOrDate, datedRange, duration, presetsFor } from "../lib/time-format.js";
import { dependsOn } from "../state/depends-on.js";
import { completeness } from "../state/overview-data.js";
import { openedPack } from "../state/pack.js";
import { showsKeys } from "../state/page.js";
import { connected, edge_ms, health, instance, newest_ms, range, ready, view } from "../state/store.js";
import { themeVersion, toggleTheme } from "../state/theme.js";
import { follow, pause, preset, showAll } from "../state/view.js";
import { PackFacts } from "./opened-pack.js";
import { TimeBox } from "./time-box.js";

const FRESH_MS = 15_000;

function Freshness() {
  const newest = newest_ms.value;
  if (newest === null) return null;
  const behind_ms = Math.max(0, edge_ms.value - newest);
  const ahead_ms = newest - edge_ms.value;
  const { live } = range.value;
  let text;
  if (!connected.value) text = `until ${clock(newest)}`;
  else if (!live) text = `paused, until ${clockOrDate(view.value.to_ms, edge_ms.value)}`;
  else if (ahead_ms > FRESH_MS) text = `until ${clockOrDate(newest, edge_ms.value)}, ${duration(ahead_ms)} ahead of the node's clock`;
  else if (behind_ms <= FRESH_MS) text = `live, ${Math.round(behind_ms / 1000)} s behind`;
  else text = `until ${clockOrDate(newest, edge_ms.value)}, no data for ${duration(behind_ms)}`;
  const isFresh = connected.value && live && behind_ms <= FRESH_MS && ahead_ms <= FRESH_MS;
  return html`<div class="fresh"><i class=${isFresh ? "on" : ""}></i><span>${text}</span></div>`;
}

function DataRange() {
  const { oldest_ms } = health.value;
  if (oldest_ms === null || newest_ms.value === null) return null;
  return html`<div class="data mut">data ${datedRange(oldest_ms, newest_ms.value)}<${Completeness} /></div>`;
}

/** The recorded share of the overview's range: "99.97 % complete, 6 s missing". */
function Completeness() {
  if (!completeness.value) return null;
  const { missing_s, complete, from_ms } = completeness.value;
  const since = `since ${clockOrDate(from_ms, edge_ms.value)}`;
  if (missing_s === 0) return html`<span title=${`Every second ${since} was recorded`}> · complete</span>`;
  const share = (Math.floor(complete * 10_000) / 100).toFixed(2);
  return html`<span title=${`${duration(1000 * missing_s)} not recorded ${since}`}> · ${share} % complete, ${duration(1000 * missing_s)} missing</span>`;
}

function Presets() {
  const { live, span_ms, from_ms, to_ms } = range.value;
  const current_ms = live ? span_ms : to_ms - from_ms;
  const data_ms = newest_ms.value - (health.value.oldest_ms ?? newest_ms.value);
  const button = ([text, length_ms]) => html`<button class=${length_ms === current_ms ? "on" : ""} aria-pressed=${length_ms === current_ms}
    title=${`Show ${text}`} onClick=${() => preset(length_ms)}>${text}</button>`;
  return html`<div class="presets" role="group" aria-label="Length of the range">
    ${presetsFor(data_ms).map(button)}<button class=${current_ms === ALL ? "on" : ""} aria-pressed=${current_ms === ALL} title="Show all data"
      onClick=${showAll}>all</button>
  </div>`;
}

function FollowButton() {
  return range.value.live
    ? html`<button class="follow" title="Pause: keep this range in view" onClick=${pause}>
        <svg width="8" height="10" aria-hidden="true"><path d="M1.5 0v10M6.5 0v10" stroke="currentColor" stroke-width="2" /></svg><span>Pause</span>
      </button>`
    : html`<button class="follow" title="Follow the newest data" onClick=${() => follow()}>
        <svg width="9" height="10" aria-hidden="true"><path d="M0 0l9 5-9 5z" fill="currentColor" /></svg><span>Live</span>
      </button>`;
}

function ThemeButton() {
  dependsOn(themeVersion);
  const label = isDark() ? "Light theme" : "Dark theme";
  return html`<button class="theme" aria-label=${label} title=${label} onClick=${toggleTheme}>
    <svg width="14" height="14" aria-hidden="true">
      <circle cx="7" cy="7" r="5.5" fill="none" stroke="currentColor" /><path d="M7 1.5a5.5 5.5 0 0 1 0 11z" fill="currentColor" />
    </svg>
  </button>`;
}

/** The header of the page. */
export function Header() {
  const { node_name, cluster_name } = instance.value ?? {};
  document.title = node_name ? `${node_name} – fgm` : "fgm";
  return html`<header>
    <h1>${node_name ?? "fgm"}${cluster_name && html`<span>${cluster_name}</span>`}</h1>
    ${openedPack.value ? html`<${PackFacts} />` : ready.value && html`<${Freshness} /><${DataRange} />`}
    <div class="controls">
      ${ready.value && html`<${TimeBox} /><${Presets} />`}
      <div class="actions">${ready.value && openedPack.value === null && html`<${FollowButton} />`}<${ThemeButton} />
        <button class="theme" aria-label="Keys" title="Keys" onClick=${() => (showsKeys.value = true)}>?</button></div>
    </div>
  </header>`;
}
