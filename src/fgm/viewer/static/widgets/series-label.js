// The labels of a series: a piece of its line, and its location.

import { html } from "../browser/html.js";
import { lineStyle } from "../browser/line-styles.js";
import { locationOf } from "../lib/series.js";

/** A short piece of a slot's line, with its colour, width and dashes. */
export function LineKey({ slot }) {
  const { css, dash, width } = lineStyle(slot);
  return html`<svg class="key" width="14" height="8" aria-hidden="true">
    <path d="M0 4h14" stroke=${css} stroke-width=${width > 1.25 ? 3 : 2} stroke-dasharray=${dash?.map((n) => n / 1.5).join(" ")} />
  </svg>`;
}

/** The location of a series. If it is too long, its middle is cut, because replicas of a workload differ in the last letters. */
export function Location({ series, children }) {
  const text = locationOf(series);
  const end = Math.max(0, text.length - 8);
  return html`<span class="place" title=${text}><span>${text.slice(0, end)}</span><span>${text.slice(end)}${children}</span></span>`;
}
