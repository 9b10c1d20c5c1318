// Builds the page and starts it: start pages until there is data, then lanes, cursor table and containers.

import { html, render } from "./browser/html.js";
import { forget } from "./browser/storage.js";
import { LaneStack } from "./chart/lane-stack.js";
import { KeysDialog, startKeyboard } from "./commands/keyboard.js";
import { utcOffset } from "./lib/time-format.js";
import { Banners } from "./panels/banners.js";
import { Changes } from "./panels/changes.js";
import { ContainerList } from "./panels/container-list.js";
import { CursorTable } from "./panels/cursor-table.js";
import { Findings } from "./panels/findings.js";
import { Header } from "./panels/header.js";
import { NoteDialog } from "./panels/incident/note-dialog.js";
import { Notes } from "./panels/incident/notes.js";
import { SaveDialog } from "./panels/incident/save-dialog.js";
import { DropTarget, startDropping } from "./panels/opened-pack.js";
import { StartPage } from "./panels/start-pages.js";
import { startComparing } from "./requests/analysis/comparison.js";
import { startFindingProcesses } from "./requests/analysis/finding-processes.js";
import { startFindings } from "./requests/analysis/findings.js";
import { startStudies } from "./requests/analysis/studies.js";
import { startOtherWalls } from "./requests/compare/other-wall-loader.js";
import { startDashboard } from "./requests/dashboard.js";
import { startPreviews } from "./requests/incident/export.js";
import { openSource } from "./requests/pack/opening.js";
import { startPolling } from "./requests/polling.js";
import { startLabelled } from "./requests/labelled-loader.js";
import { startWalls } from "./requests/wall/wall-loader.js";
import { startProcesses } from "./requests/process-loader.js";
import { startReleasing } from "./state/analysis/findings.js";
import { toast } from "./state/page.js";
import { startRememberingSlots } from "./state/shown.js";
import { openedPack } from "./state/pack.js";
import { clockOffset_ms, health, instance, ready, view } from "./state/store.js";
import { startTheme } from "./state/theme.js";
import { startUrl } from "./state/url.js";
import { startUnpinning } from "./state/view.js";
import { Palette } from "./widgets/palette.js";

const MIN_CLOCK_OFFSET_MS = 100; // a smaller offset is not shown

function clockOffsetText() {
  const offset_ms = clockOffset_ms.value;
  if (Math.abs(offset_ms) < MIN_CLOCK_OFFSET_MS || openedPack.value !== null) return "";
  return ` · node clock ${offset_ms < 0 ? "−" : "+"}${(Math.abs(offset_ms) / 1000).toFixed(1)} s`;
}

function Footer() {
  return html`<footer>
    <span><kbd>w</kbd> <kbd>s</kbd> zoom</span><span><kbd>a</kbd> <kbd>d</kbd> pan</span><span><kbd>←</kbd> <kbd>→</kbd> one sample</span>
    <span><kbd>n</kbd> <kbd>N</kbd> event</span><span><kbd>i</kbd> finding</span><span><kbd>c</kbd> pin</span><span><kbd>e</kbd> note</span><span><kbd>j</kbd> go to time</span><span><kbd>/</kbd> search</span>
    <span><kbd>:</kbd> commands</span><span><kbd>?</kbd> keys</span>
    <span class="end">times local, ${utcOffset(view.value.to_ms)}${clockOffsetText()} · fgm ${health.value.version}</span>
  </footer>`;
}

function Page() {
  // Once the viewer has had data, the lanes stay on the page, even if it loses the data.
  const hasLanes = ready.value || instance.value !== null;
  return html`<div class=${`page ${hasLanes ? "" : "bare"}`}>
    <${Header} />
    <${Banners} />
    ${hasLanes
      ? html`<${Findings} /><${LaneStack} /><aside><${CursorTable} /><${Notes} /><${Changes} /><${ContainerList} /></aside><${Footer} />`
      : html`<${StartPage} />`}
    <${Palette} /><${KeysDialog} /><${NoteDialog} /><${SaveDialog} /><${DropTarget} />
    <output class="toast" role="status" hidden=${toast.value === null}>${toast.value}</output>
  </div>`;
}

forget("sessionStorage", "fgm.reloads"); // see reload.js
openSource();
startTheme();
startUrl();
startUnpinning();
startRememberingSlots();
startComparing();
startReleasing();
startFindings();
startFindingProcesses();
startStudies();
startPreviews();
document.getElementById("page").replaceChildren(); // a saved file shows a sentence there until now
render(html`<${Page} />`, document.getElementById("page"));
startKeyboard();
startDropping();
startDashboard();
startPolling();
startWalls();
startOtherWalls();
startProcesses();
startLabelled();
