// What is saved as a file: the choices in the dialog, what the viewer says about them, and how far saving is.

import { batch, signal } from "../../vendor/signals.js";
import { drawnMetrics } from "../lanes.js";
import { shown } from "../shown.js";
import { view } from "../store.js";

/**
 * The choices in the dialog: {from_ms, to_ms, format: "html" or "parquet", hasAllSeries, hasAllMetrics, hasNotes, rules: names that
 * are left out, shownIds: the series on the lanes, shownCount: number of their workloads, drawn: the metrics that the page draws}; null while the dialog is closed.
 */
export const saving = signal(null);
/** What the viewer says about the choices: {key, answer, refusal}; null at first. */
export const preview = signal(null);
/** The file that is being saved: {received, total: bytes or null, name: after it was saved, refusal}; null if none is. */
export const transfer = signal(null);

/** Open the dialog that saves the range in view. */
export function openSaving() {
  const { from_ms, to_ms } = view.peek();
  const fixed = { shownIds: shown.peek().flatMap(({ ids }) => ids), shownCount: shown.peek().length, drawn: drawnMetrics.peek() };
  batch(() => {
    preview.value = transfer.value = null;
    saving.value = { from_ms, to_ms, format: "html", hasAllSeries: true, hasAllMetrics: false, hasNotes: true, rules: [], ...fixed };
  });
}

/** Change choices. */
export function choose(changes) {
  batch(() => {
    saving.value = { ...saving.peek(), ...changes };
    transfer.value = null;
  });
}

/** Close the dialog. */
export function closeSaving() {
  saving.value = null;
}
