// The dialog that saves the incident as a file: what goes into it, how large it will be, and how far saving is.

import { html, useLayoutEffect, useRef, useState } from "../../browser/html.js";
import { duration } from "../../lib/time-format.js";
import { formatNumber, unitFor } from "../../lib/units.js";
import { cancelSaving, isPreviewed, save } from "../../requests/incident/export.js";
import { choose, closeSaving, preview, saving, transfer } from "../../state/incident/saving.js";
import { notesWithin } from "../../state/incident/notes.js";
import { allMetrics, view } from "../../state/store.js";
import { LeftOut } from "./left-out-names.js";
import { EXAMPLES, readTimes, timesText } from "./typed-times.js";

const size = (bytes) => `${formatNumber(bytes, unitFor("bytes", bytes))} ${unitFor("bytes", bytes).label}`;
const count = (n, one, many = `${one}s`) => `${n.toLocaleString("en-US")} ${n === 1 ? one : many}`;

/** One of several choices. `now`: whether it is the present one. */
const Choice = ({ name, now, changes, children }) => html`<label class="choice"><input type="radio" name=${name} checked=${now}
  onChange=${() => choose(changes)} /><span>${children}</span></label>`;

function Range() {
  const { from_ms, to_ms } = saving.value;
  const [typed, setTyped] = useState(null); // while it is not a range
  const onInput = (event) => {
    const times = readTimes(event.target.value);
    setTyped(event.target.value);
    if (times?.to_ms) choose(times);
  };
  const isWrong = typed !== null && !readTimes(typed)?.to_ms;
  const setView = () => (setTyped(null), choose({ ...view.peek() }));
  return html`<label for="save-time">Range</label>
    <div class="row"><input id="save-time" type="text" value=${typed ?? timesText({ from_ms, to_ms })} autocomplete="off" spellcheck=${false} aria-invalid=${isWrong}
      aria-describedby=${isWrong ? "save-error" : "save-length"} onInput=${onInput} /><span id="save-length" class="mut">${!isWrong && duration(to_ms - from_ms)}</span>
      <button type="button" class="link" onClick=${setView}>Range in view</button></div>
    ${isWrong && html`<p id="save-error" role="alert">Not a range I can read. Try ${EXAMPLES.replace("14:32:10 · ", "")}</p>`}`;
}

/** Which series, metrics and notes are saved. */
function Contents() {
  const { hasAllSeries, hasAllMetrics, hasNotes, format, from_ms, to_ms, shownCount, drawn } = saving.value;
  const inRange = notesWithin({ from_ms, to_ms }).length;
  return html`<fieldset><legend>Containers</legend>
      <${Choice} name="series" now=${hasAllSeries} changes=${{ hasAllSeries: true }}>All in this range</${Choice}>
      <${Choice} name="series" now=${!hasAllSeries} changes=${{ hasAllSeries: false }}>Only the ${shownCount} on the lanes</${Choice}></fieldset>
    <fieldset><legend>Metrics</legend>
      <${Choice} name="metrics" now=${!hasAllMetrics} changes=${{ hasAllMetrics: false }}>The ${drawn.length} that the page draws</${Choice}>
      <${Choice} name="metrics" now=${hasAllMetrics} changes=${{ hasAllMetrics: true }}>All ${allMetrics.value?.length ?? ""}</${Choice}></fieldset>
    ${inRange > 0 && format === "html" && html`<fieldset><legend>Notes</legend><label class="choice"><input type="checkbox" checked=${hasNotes}
      onChange=${(event) => choose({ hasNotes: event.target.checked })} /><span>${count(inRange, "note")} in this range</span></label></fieldset>`}`;
}

/** What the viewer says about the choices: "About 2.1 MiB: 46 series × 1,800 seconds × 17 metrics". */
function Size() {
  const { answer, refusal } = preview.value ?? {};
  const isCurrent = isPreviewed();
  if (!isCurrent) return html`<p class="size mut" role="status">Asking the viewer how large the file will be…</p>`;
  if (refusal) return html`<p class="size" role="alert">${refusal}</p>`;
  const { bytes, series, ticks, metrics, warnings = [] } = answer;
  const contents = `${count(series, "container, pod or service", "containers, pods and services")} × ${count(ticks, "second")} × ${count(metrics.length ?? metrics, "metric")}`;
  return html`<p class="size" role="status">${bytes == null ? "" : html`<b>About ${size(bytes)}</b>: `}${contents}</p>
    ${warnings.map((warning) => html`<p>${warning}</p>`)}`;
}

/** How far saving is, and its result. */
function Transfer() {
  const { received, total, name, refusal } = transfer.value;
  if (refusal) return html`<p class="size" role="alert">${refusal}</p>`;
  if (name) return html`<p class="size" role="status"><b>Saved</b> as ${name}, ${size(received)}.</p>`;
  const share = total ? Math.min(0.99, received / total) : undefined;
  const text = received === 0 ? "Reading every second of the range…" : `${size(received)}${total ? ` of about ${size(total)}` : ""}`;
  return html`<p class="size"><progress max="1" value=${received === 0 ? undefined : share} aria-label="Progress"></progress> <span role="status">${text}</span></p>`;
}

function Form() {
  const dialog = useRef(null), button = useRef(null);
  useLayoutEffect(() => {
    dialog.current.showModal(); // before the next key is pressed
    button.current.focus();
  }, []);
  const { format } = saving.value;
  const isSaving = transfer.value !== null && transfer.value.name === null && transfer.value.refusal === null;
  const isSaved = Boolean(transfer.value?.name);
  const close = () => dialog.current.close();
  const onSubmit = (event) => {
    event.preventDefault();
    if (isSaved) close();
    else if (!isSaving) save();
  };
  return html`<dialog class="form save-form" ref=${dialog} aria-labelledby="save-title" onClose=${closeSaving}>
    <form onSubmit=${onSubmit}>
      <div class="head"><h2 id="save-title">Save this incident</h2></div>
      <fieldset><legend>As</legend>
        <${Choice} name="format" now=${format === "html"} changes=${{ format: "html" }}>A page: one HTML file that opens in a browser without a network</${Choice}>
        <${Choice} name="format" now=${format === "parquet"} changes=${{ format: "parquet" }}>A Parquet file for DuckDB, pandas or Polars</${Choice}></fieldset>
      <${Range} /><${Contents} /><${LeftOut} />
      <div class="bottom">${transfer.value ? html`<${Transfer} />` : html`<${Size} />`}
      <div class="buttons"><button class="main" ref=${button} aria-disabled=${isSaving}>${isSaved ? "Close" : "Save"}</button>
        ${!isSaved && html`<button type="button" onClick=${isSaving ? cancelSaving : close}>Cancel</button>`}</div></div>
    </form>
  </dialog>`;
}

/** The dialog, if it is open. */
export function SaveDialog() {
  return saving.value && html`<${Form} />`;
}
