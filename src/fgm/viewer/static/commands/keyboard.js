// Keys to actions. Single keys can be switched off: for who dictates to the machine, or types into the wrong window.

import { signal } from "../vendor/signals.js";
import { ACTIONS, keyName, showsKeys } from "./commands.js";
import { html, useLayoutEffect, useRef } from "../browser/html.js";
import { focusLane } from "../state/lanes.js";
import { recall, remember } from "../browser/storage.js";

const WRITING = "input, textarea, select, [contenteditable]";
const PRESSABLE = "button, a, summary";
const singles = signal(recall(localStorage, "fgm.single-keys", true));
const byKey = new Map(ACTIONS.filter(({ run }) => run).flatMap(({ keys, run }) => keys.map((key) => [key, run])));

const named = ({ key, ctrlKey, metaKey, altKey, shiftKey }) =>
  `${ctrlKey || metaKey ? "Ctrl+" : ""}${altKey ? "Alt+" : ""}${shiftKey && key.length > 1 ? "Shift+" : ""}${ctrlKey || metaKey ? key.toLowerCase() : key}`;

function pressed(event) {
  const key = named(event);
  const single = !key.startsWith("Ctrl+");
  if (document.querySelector("dialog[open]") || event.isComposing) return;
  if (single && (!singles.peek() || event.target.closest?.(WRITING))) return;
  if ((key === " " || key === "Enter") && event.target.closest?.(PRESSABLE)) return;
  const run = byKey.get(key) ?? (/^[1-8]$/.test(key) ? () => focusLane(Number(key) - 1) : null);
  if (!run) return;
  if (key !== "Escape") event.preventDefault();
  run();
}

/** Listen, and never stop. */
export function startKeys() {
  addEventListener("keydown", pressed);
}

const HANDS = [
  ["Drag", "Select a range and zoom to it"],
  ["Shift-drag", "Pan"],
  ["Double-click", "Back to the view before"],
  ["Ctrl-wheel", "Zoom at the pointer"],
  ["Click", "Pin the cursor; a container: only this one"],
  ["Shift-click", "A container: add or remove it"],
];

function KeysDialog() {
  const dialog = useRef(null);
  useLayoutEffect(() => dialog.current.showModal(), []); // before the next key comes
  const toggle = (event) => {
    singles.value = event.target.checked;
    remember(localStorage, "fgm.single-keys", singles.value);
  };
  const groups = [...new Set(ACTIONS.map(({ group }) => group))];
  return html`<dialog class="keys" ref=${dialog} aria-labelledby="keys-title" onClose=${() => (showsKeys.value = false)}
    onClick=${(event) => event.target === dialog.current && dialog.current.close()}>
    <div class="head"><h2 id="keys-title">Keys</h2><label><input type="checkbox" checked=${singles.value} onChange=${toggle} /> Single keys</label>
      <button class="link end" onClick=${() => dialog.current.close()}>Close</button></div>
    <div class="groups">${groups.map((group) => html`<section key=${group}><h3>${group}</h3><dl>
      ${ACTIONS.filter((one) => one.group === group && one.keys.length > 0).map(({ text, keys }) => html`<div><dt>${keys.map((key) => html`<kbd>${keyName(key)}</kbd> `)}</dt><dd>${text}</dd></div>`)}
    </dl></section>`)}
    <section><h3>Pointer</h3><dl>${HANDS.map(([hand, text]) => html`<div><dt>${hand}</dt><dd>${text}</dd></div>`)}</dl></section></div>
  </dialog>`;
}

export function Keys() {
  return showsKeys.value && html`<${KeysDialog} />`;
}
