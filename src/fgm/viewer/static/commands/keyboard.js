// Runs actions when their keys are pressed, and lists all keys. Keys without Ctrl can be switched off, for people who use speech
// input or often type into the wrong window.

import { html, useLayoutEffect, useRef } from "../browser/html.js";
import { focused } from "../state/lanes.js";
import { setSingleKeys, showsKeys, singleKeys } from "../state/page.js";
import { wallKeys } from "../state/wall/walls.js";
import { focusLane } from "../widgets/lane-focus.js";
import { ACTIONS, keyName } from "./commands.js";

// A dialog that has just closed keeps the focus until the next frame.
const TEXT_INPUT = ":is(input, textarea, select, [contenteditable]):not(dialog:not([open]) *)";
const PRESSABLE = "button, a, summary";
const ROW_KEYS = new Set(["ArrowUp", "ArrowDown", "Enter", "Shift+Enter"]); // on a wall; elsewhere they scroll
const SCROLLED = "aside, .tabular, dialog";
const runByKey = new Map(ACTIONS.filter(({ run }) => run).flatMap(({ keys, run }) => keys.map((key) => [key, run])));

/** The name of a pressed key as in ACTIONS, such as "Ctrl+k" or "Shift+ArrowLeft". */
function nameOf({ key, ctrlKey, metaKey, altKey, shiftKey }) {
  const hasCtrl = ctrlKey || metaKey;
  return `${hasCtrl ? "Ctrl+" : ""}${altKey ? "Alt+" : ""}${shiftKey && key.length > 1 ? "Shift+" : ""}${hasCtrl ? key.toLowerCase() : key}`;
}

function onKeyDown(event) {
  const key = nameOf(event);
  if (document.querySelector("dialog[open]") || event.isComposing) return;
  if (!key.startsWith("Ctrl+") && (!singleKeys.peek() || event.target.closest?.(TEXT_INPUT))) return;
  if ((key === " " || key === "Enter") && event.target.closest?.(PRESSABLE)) return;
  if (ROW_KEYS.has(key) && (!wallKeys.peek().has(focused.peek()?.key) || event.target.closest?.(SCROLLED))) return;
  const run = runByKey.get(key) ?? (/^[1-8]$/.test(key) ? () => focusLane(Number(key) - 1) : null);
  if (!run) return;
  if (key !== "Escape") event.preventDefault();
  run();
}

/** From now on, run actions when their keys are pressed. */
export function startKeyboard() {
  addEventListener("keydown", onKeyDown);
}

const POINTER = [
  ["Drag", "Select a range and zoom to it"],
  ["Shift-drag", "Pan"],
  ["Double-click", "Back to the previous view"],
  ["Ctrl-wheel", "Zoom at the pointer"],
  ["Ctrl-click", "Note at an instant"],
  ["Ctrl-drag", "Note on a range"],
  ["Click", "Pin the cursor; on a container: show only it"],
  ["Shift-click", "On a container: add or remove it"],
];

const Keys = ({ keys, text }) => html`<div><dt>${keys.map((key) => html`<kbd>${keyName(key)}</kbd> `)}</dt><dd>${text}</dd></div>`;

function KeyList() {
  const dialog = useRef(null);
  useLayoutEffect(() => dialog.current.showModal(), []); // before the next key is pressed
  const close = () => dialog.current.close();
  const groups = [...new Set(ACTIONS.map(({ group }) => group))];
  const actionsOf = (group) => ACTIONS.filter((action) => action.group === group && action.keys.length > 0);
  return html`<dialog class="keys" ref=${dialog} aria-labelledby="keys-title" onClose=${() => (showsKeys.value = false)}
    onClick=${(event) => event.target === dialog.current && close()}>
    <div class="head"><h2 id="keys-title">Keys</h2>
      <label><input type="checkbox" checked=${singleKeys.value} onChange=${(event) => setSingleKeys(event.target.checked)} /> Single keys</label>
      <button class="link end" onClick=${close}>Close</button></div>
    <div class="groups">${groups.map((group) => html`<section key=${group}><h3>${group}</h3><dl>
      ${actionsOf(group).map(({ text, keys }) => html`<${Keys} keys=${keys} text=${text} />`)}
    </dl></section>`)}
    <section><h3>Pointer</h3><dl>${POINTER.map(([gesture, text]) => html`<div><dt>${gesture}</dt><dd>${text}</dd></div>`)}</dl></section></div>
  </dialog>`;
}

/** The list of keys, if it is open. */
export function KeysDialog() {
  return showsKeys.value && html`<${KeyList} />`;
}
