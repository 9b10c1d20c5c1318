// The text box that shows the range in view, and in which a person can type another one.

import { html, useState } from "../browser/html.js";
import { viewRange } from "../lib/time-format.js";
import { readTime, TIME_EXAMPLES } from "../lib/time-parse.js";
import { edge_ms, range, view } from "../state/store.js";
import { follow, goTo, zoom } from "../state/view.js";

const input = { current: null };

/** Move the keyboard focus into the box and select its text. */
export const focusTimeBox = () => input.current?.focus();

/** Show the range or the instant that a text describes. Returns false if the text is not understood. */
function show(text) {
  const time = readTime(text, edge_ms.peek(), Math.min(edge_ms.peek(), view.peek().to_ms));
  if (time === null) return false;
  if (time.span_ms !== undefined) follow(time.span_ms);
  else if (time.from_ms !== undefined) zoom(time.from_ms, time.to_ms);
  if (time.at_ms !== undefined) goTo(time.at_ms);
  return true;
}

/** The text box. While it has the focus, it keeps the typed text; otherwise it shows the range in view. */
export function TimeBox() {
  const [typed, setTyped] = useState(null);
  const [isWrong, setWrong] = useState(false);
  const current = viewRange(view.value.from_ms, view.value.to_ms, range.value.live);
  const onFocus = (event) => {
    setTyped(current);
    event.target.select();
  };
  const onBlur = () => (setTyped(null), setWrong(false));
  const onKeyDown = (event) => {
    if (event.key === "Escape") input.current.blur();
    if (event.key !== "Enter") return;
    if (typed === current || show(typed)) input.current.blur();
    else setWrong(true);
  };
  return html`<div class=${`timebox ${isWrong ? "wrong" : ""}`}>
    <input type="text" aria-label="Range or time" aria-invalid=${isWrong} aria-describedby=${isWrong ? "times" : undefined} autocomplete="off" spellcheck=${false}
      title=${`For example ${TIME_EXAMPLES}`} ref=${input} value=${typed ?? current} onFocus=${onFocus} onBlur=${onBlur} onKeyDown=${onKeyDown}
      onInput=${(event) => (setTyped(event.target.value), setWrong(false))} />
    ${isWrong && html`<p id="times" role="alert">Not a time I can read. Try ${TIME_EXAMPLES}</p>`}
  </div>`;
}
