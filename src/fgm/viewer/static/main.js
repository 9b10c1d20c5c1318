// Puts the page together: state pages until there is data, then lanes, ledger and containers.

import { Changes } from "./panels/changes.js";
import { Containers } from "./panels/container-list.js";
import { said } from "./panels/clipboard.js";
import { startDashboard } from "./state/dashboards.js";
import { startFeed } from "./server/polling.js";
import { Header } from "./panels/header.js";
import { html, render } from "./browser/html.js";
import { Keys, startKeys } from "./commands/keyboard.js";
import { Lanes } from "./chart/lane-stack.js";
import { Ledger } from "./panels/cursor-table.js";
import { Palette } from "./widgets/palette.js";
import { Banners, StatePage } from "./panels/start-pages.js";
import { clockOffset_ms, health, instance, ready, view } from "./state/store.js";
import { zone } from "./lib/time-format.js";

const CLOCK_MATTERS_MS = 100;

function Footer() {
  const offset_ms = clockOffset_ms.value;
  const offset = Math.abs(offset_ms) >= CLOCK_MATTERS_MS && ` · node clock ${offset_ms < 0 ? "−" : "+"}${(Math.abs(offset_ms) / 1000).toFixed(1)} s`;
  return html`<footer>
    <span><kbd>w</kbd> <kbd>s</kbd> zoom</span><span><kbd>a</kbd> <kbd>d</kbd> pan</span><span><kbd>←</kbd> <kbd>→</kbd> one sample</span>
    <span><kbd>n</kbd> <kbd>N</kbd> event</span><span><kbd>c</kbd> pin</span><span><kbd>j</kbd> go to time</span><span><kbd>/</kbd> search</span>
    <span><kbd>:</kbd> commands</span><span><kbd>?</kbd> keys</span>
    <span class="end">times local, ${zone(view.value.to_ms)}${offset} · fgm ${health.value.version}</span>
  </footer>`;
}

function Page() {
  // Once there was data it stays on the page, whatever becomes of the viewer.
  const started = ready.value || instance.value !== null;
  return html`<div class=${`page ${started ? "" : "bare"}`}>
    <${Header} />
    <${Banners} />
    ${started
      ? html`<${Lanes} /><aside><${Ledger} /><${Changes} /><${Containers} /></aside><${Footer} />`
      : html`<${StatePage} />`}
    <${Palette} /><${Keys} />
    <output class="toast" role="status" hidden=${said.value === null}>${said.value}</output>
  </div>`;
}

sessionStorage.removeItem("fgm.reloads"); // see reload.js
render(html`<${Page} />`, document.getElementById("page"));
startKeys();
startDashboard();
startFeed();
