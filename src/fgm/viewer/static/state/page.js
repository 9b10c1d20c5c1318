// What is open on the page in addition to the lanes: dialogs, tables, messages, and the comparison.

import { signal } from "../vendor/signals.js";
import { recall, remember } from "../browser/storage.js";

const TOAST_MS = 2500;
const STORED_SINGLE_KEYS = "fgm.single-keys";

/** Whether the list of keys is open. */
export const showsKeys = signal(false);
/** Whether the lanes are shown as tables. */
export const showsTables = signal(false);
/** The open palette: {title, items: [{text, hint, keys, run}]}, or null. */
export const openPalette = signal(null);
/**
 * The comparison of the view with another range, or if `against_ms` is undefined, with the range before it: {from_ms, to_ms, against_ms,
 * progress, result, refusal}, or null.
 */
export const comparison = signal(null);
/** Notes about the dashboard in the URL: which parts are not shown, or why it cannot be shown. */
export const dashboardNotes = signal([]);
/** A short message that disappears by itself, or null. */
export const toast = signal(null);
/** Whether keys without Ctrl run actions. */
export const singleKeys = signal(recall("localStorage", STORED_SINGLE_KEYS, true));

const narrow = matchMedia("(max-width: 1200px)"); // as in the styles
/** Whether the window is so narrow that the cursor table has no columns for shares of the node and sparklines. */
export const isNarrow = signal(narrow.matches);
narrow.addEventListener("change", () => (isNarrow.value = narrow.matches));

/** Switch between lanes as lines and lanes as tables. */
export function toggleTables() {
  showsTables.value = !showsTables.peek();
}

/** Switch keys without Ctrl on or off, for this visit and later ones. */
export function setSingleKeys(on) {
  singleKeys.value = on;
  remember("localStorage", STORED_SINGLE_KEYS, on);
}

let toastTimer = 0;

/** Show a short message for a moment. */
export function showToast(text) {
  toast.value = text;
  clearTimeout(toastTimer);
  toastTimer = setTimeout(() => (toast.value = null), TOAST_MS);
}
