// Sparklines: the CPU use of a series in view, in the space of a word.

import { computed } from "../vendor/signals.js";
import { html } from "../browser/html.js";
import { cpuUse, cursor_ms } from "../state/store.js";

const HEIGHT_PX = 14;

/** Position of the cursor as a share of the range of the sparklines; −1 without data. */
const cursorShare = computed(() => (cpuUse.value ? (cursor_ms.value - cpuUse.value.from_ms) / (cpuUse.value.to_ms - cpuUse.value.from_ms) : -1));

const paths = new WeakMap(); // peaks → {width, path}

function pathOf(peaks, width) {
  if (paths.get(peaks)?.width !== width) paths.set(peaks, { width, path: makePath(peaks, width) });
  return paths.get(peaks).path;
}

function makePath(peaks, width) {
  const top = Math.max(...peaks.map((value) => value ?? 0)) || 1;
  const step = width / peaks.length;
  let path = "", command = "M";
  peaks.forEach((value, i) => {
    if (value === null) return void (command = "M");
    const x = (i * step).toFixed(1), y = (HEIGHT_PX - 1 - (value / top) * (HEIGHT_PX - 2)).toFixed(1);
    path += `${command}${x} ${y}`;
    // A single part between gaps is a short dash: a point would be invisible.
    if (command === "M" && (peaks[i + 1] ?? null) === null) path += `h${step.toFixed(1)}`;
    command = "L";
  });
  return path;
}

/** The CPU use of a series in view, scaled to its own peak. `hasCursor`: whether to draw the cursor, too. */
export function Sparkline({ id, css, width, hasCursor }) {
  const peaks = cpuUse.value?.of.get(id)?.peaks ?? [];
  const x = hasCursor && cursorShare.value >= 0 && cursorShare.value <= 1 ? Math.round(cursorShare.value * width) + 0.5 : null;
  return html`<svg class="spark" width=${width} height=${HEIGHT_PX} aria-hidden="true">
    ${peaks.length > 0 && html`<path d=${pathOf(peaks, width)} fill="none" stroke=${css} />`}
    ${x !== null && html`<path d=${`M${x} 0v${HEIGHT_PX}`} stroke="var(--mut)" />`}
  </svg>`;
}
