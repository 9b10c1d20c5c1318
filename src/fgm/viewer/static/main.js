// Puts the page together: state pages until there is data, then lanes, ledger and containers.

import { Changes } from "./changes.js";
import { Containers } from "./containers.js";
import { startFeed } from "./feed.js";
import { Header } from "./header.js";
import { html, render } from "./html.js";
import { Lanes } from "./lanes.js";
import { Ledger } from "./ledger.js";
import { Banners, StatePage } from "./states.js";
import { clockOffset_ms, health, instance, ready } from "./store.js";
import { zone } from "./time.js";

const CLOCK_MATTERS_MS = 100;

function Footer() {
  const offset_ms = clockOffset_ms.value;
  const offset = Math.abs(offset_ms) >= CLOCK_MATTERS_MS && ` · node clock ${offset_ms < 0 ? "−" : "+"}${(Math.abs(offset_ms) / 1000).toFixed(1)} s`;
  return html`<footer>
    <span><kbd>drag</kbd> zoom</span><span><kbd>double-click</kbd> back</span><span><kbd>click</kbd> pin the cursor</span>
    <span><kbd>n</kbd> <kbd>N</kbd> event</span>
    <span><kbd>Shift-click</kbd> a container: add or remove</span>
    <span class="end">times local, ${zone(health.value.now_ms)}${offset} · fgm ${health.value.version}</span>
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
  </div>`;
}

render(html`<${Page} />`, document.getElementById("page"));
startFeed();
