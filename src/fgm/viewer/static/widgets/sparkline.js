// The use of a series in view, in the space of a word.

import { computed } from "../vendor/signals.js";
import { html } from "../browser/html.js";
import { cursor_ms, uses } from "../state/store.js";

const HIGH_PX = 14;

/** Where the cursor is, as a share of the time that sparklines show. */
const cursorShare = computed(() => (uses.value ? (cursor_ms.value - uses.value.from_ms) / (uses.value.to_ms - uses.value.from_ms) : -1));

const paths = new WeakMap(); // peaks → path

function pathOf(peaks, width) {
  if (paths.get(peaks)?.width !== width) paths.set(peaks, { width, path: drawn(peaks, width) });
  return paths.get(peaks).path;
}

function drawn(peaks, width) {
  const top = Math.max(...peaks.map((value) => value ?? 0)) || 1;
  const step = width / peaks.length;
  let path = "", pen = "M";
  peaks.forEach((value, i) => {
    if (value === null) return void (pen = "M");
    const x = (i * step).toFixed(1), y = (HIGH_PX - 1 - (value / top) * (HIGH_PX - 2)).toFixed(1);
    path += `${pen}${x} ${y}`;
    // A lone part is a short dash, so that it is seen.
    if (pen === "M" && (peaks[i + 1] ?? null) === null) path += `h${step.toFixed(1)}`;
    pen = "L";
  });
  return path;
}

/** The CPU of a series in view, of its own height; with the cursor where `hasCursor`. */
export function Sparkline({ id, css, width, hasCursor }) {
  const peaks = uses.value?.of.get(id)?.peaks ?? [];
  const x = hasCursor && cursorShare.value >= 0 && cursorShare.value <= 1 ? Math.round(cursorShare.value * width) + 0.5 : null;
  return html`<svg class="spark" width=${width} height=${HIGH_PX} aria-hidden="true">
    ${peaks.length > 0 && html`<path d=${pathOf(peaks, width)} fill="none" stroke=${css} />`}
    ${x !== null && html`<path d=${`M${x} 0v${HIGH_PX}`} stroke="var(--mut)" />`}
  </svg>`;
}
