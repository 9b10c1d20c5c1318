// The box that says which range is shown, and takes another one as people type it.

import { html, useState } from "../browser/html.js";
import { edge_ms, range, view } from "../state/store.js";
import { viewRange } from "../lib/time-format.js";
import { EXAMPLES, readTime } from "../lib/time-parse.js";
import { follow, goTo, zoom } from "../state/view.js";

const box = { current: null };

/** Put the caret into the box, with all of it selected. */
export const focusTimeBox = () => box.current?.focus();

/** Show what a text means; false where it means nothing. */
function goToTyped(text) {
  const read = readTime(text, edge_ms.peek(), Math.min(edge_ms.peek(), view.peek().to_ms));
  if (read === null) return false;
  if (read.span_ms !== undefined) follow(read.span_ms);
  else if (read.from_ms !== undefined) zoom(read.from_ms, read.to_ms);
  if (read.at_ms !== undefined) goTo(read.at_ms);
  return true;
}

export function TimeBox() {
  const [typed, setTyped] = useState(null);
  const [wrong, setWrong] = useState(false);
  const shown = viewRange(view.value.from_ms, view.value.to_ms, range.value.live);
  const enter = (event) => {
    setTyped(shown);
    event.target.select();
  };
  const leave = () => (setTyped(null), setWrong(false));
  const keys = (event) => {
    if (event.key === "Escape") box.current.blur();
    if (event.key !== "Enter") return;
    if (typed === shown || goToTyped(typed)) box.current.blur();
    else setWrong(true);
  };
  return html`<div class=${`timebox ${wrong ? "wrong" : ""}`}>
    <input type="text" aria-label="Range or time" aria-invalid=${wrong} aria-describedby=${wrong ? "times" : undefined} autocomplete="off" spellcheck="false"
      title=${EXAMPLES} ref=${box} value=${typed ?? shown} onFocus=${enter} onBlur=${leave} onKeyDown=${keys}
      onInput=${(event) => (setTyped(event.target.value), setWrong(false))} />
    ${wrong && html`<p id="times" role="alert">No time is written so. Try ${EXAMPLES}</p>`}
  </div>`;
}
