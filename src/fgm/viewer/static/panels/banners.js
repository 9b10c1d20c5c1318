// Messages above the lanes about problems that leave the page usable.

import { html } from "../browser/html.js";
import { clock, date, datedRange, shortClock } from "../lib/time-format.js";
import { dashboardNotes } from "../state/page.js";
import { MAX_SHOWN } from "../state/shown.js";
import { missingPack } from "../state/compare/other-range.js";
import { missingFile, openedPack, packRefusal } from "../state/pack.js";
import { connected, health, instance, picked, ready, refusals } from "../state/store.js";
import { ShellCommand, shellQuoted } from "../widgets/shell-command.js";
import { PackBanners } from "./opened-pack.js";

const PORT_FORWARD = "kubectl -n fine-grained-monitor port-forward";

/** How to reconnect, for the place in which the viewer ran: a pod or this machine. */
function Reconnect() {
  const { pod_name, port } = { ...instance.value, ...health.value };
  if (!pod_name) {
    return html`<span>Retrying. If the viewer has stopped, start it:</span><${ShellCommand} text="fgm run" />
      ${health.value && html`<span>or only the viewer:</span><${ShellCommand} text=${`fgm-viewer ${shellQuoted(health.value.data_dir)}`} />`}`;
  }
  return html`<span>Retrying. If the port-forward has stopped:</span>
    <${ShellCommand} text=${`${PORT_FORWARD} pod/${pod_name} ${location.port || "80"}:${port}`} />`;
}

const Note = ({ children, title }) => html`<div class="banner quiet" role="status" title=${title}>${children}</div>`;

/** What a saved file contains that the viewer serves. */
function packText({ file, made_by, made_at_ms, from_ms, to_ms, redacted }) {
  const names = redacted.length > 0 ? ` Names were replaced (${redacted.join(", ")}).` : "";
  return `${file} was saved on ${date(made_at_ms)} ${new Date(made_at_ms).getFullYear()}, ${shortClock(made_at_ms)}, by ${made_by}. It contains ${datedRange(from_ms, to_ms)}.${names}`;
}

/** The messages, at most one for each problem. */
export function Banners() {
  const { index, index_note, skipped_files_total = 0, skipped_files = [], now_ms, state } = health.value ?? {};
  const lines = [];
  const hasLanes = ready.value || instance.value !== null;
  if (hasLanes && (openedPack.value || packRefusal.value || missingFile.value || missingPack.value)) lines.push(html`<${PackBanners} />`);
  if (!connected.value) {
    lines.push(html`<div class="banner" role="alert"><b>Disconnected${now_ms ? ` since ${clock(now_ms)}` : ""}.</b>
      <span>Loaded data stays usable.</span><${Reconnect} /></div>`);
  } else if (state && instance.value && !ready.value) {
    lines.push(html`<div class="banner" role="status"><b>The viewer has no data at the moment.</b>
      <span>It was restarted, or its directory was replaced (${state.replace("_", " ")}).</span></div>`);
  }
  if (picked.value?.length > MAX_SHOWN) lines.push(html`<${Note}>Only the first ${MAX_SHOWN} of ${picked.value.length} selected series are drawn.</${Note}>`);
  for (const pack of instance.value?.packs ?? []) lines.push(html`<${Note}>${packText(pack)}</${Note}>`);
  for (const note of dashboardNotes.value) lines.push(html`<${Note}>${note}</${Note}>`);
  const refusal = refusals.lines.value ?? refusals.explained.value ?? refusals.pods.value;
  if (refusal) lines.push(html`<div class="banner" role="alert">${openedPack.value === null && html`<b>The viewer refused the request.</b> `}<span>${refusal}</span></div>`);
  // The start pages already show the state of the index.
  if (hasLanes && (index_note || index === "bad" || index === "rebuilt")) lines.push(html`<${Note}>${index_note ?? `The index was ${index}.`}</${Note}>`);
  if (skipped_files_total > 0) {
    const names = skipped_files.map(({ file, reason }) => `${file}: ${reason}`).join("\n");
    lines.push(html`<${Note} title=${names}>
      ${skipped_files_total === 1 ? "1 file could not be read" : `${skipped_files_total} files could not be read`}; all other data is shown.
      ${skipped_files[0] && html` <span class="mut">${skipped_files[0].file}: ${skipped_files[0].reason}</span>`}</${Note}>`);
  }
  return lines.length > 0 && html`<div class="banners">${lines}</div>`;
}
