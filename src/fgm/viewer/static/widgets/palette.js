// A dialog with a list of commands or metrics, in which a person can search by typing.

import { html, useEffect, useLayoutEffect, useRef, useState } from "../browser/html.js";
import { matchingItems } from "../lib/search.js";
import { openPalette } from "../state/page.js";

const MAX_ITEMS = 60;

/** Open the palette. Its chosen item is run. `items`: [{text, hint, keys, run}]. `typedItems(text)`: further items for a typed text. */
export function choose(title, items, typedItems = () => []) {
  openPalette.value = { title, items, typedItems };
}

function PaletteDialog({ title, items, typedItems }) {
  const dialog = useRef(null), list = useRef(null);
  const [text, setText] = useState("");
  const [selected, setSelected] = useState(0);
  useLayoutEffect(() => dialog.current.showModal(), []); // before the next key is pressed
  useEffect(() => list.current.querySelector(".on")?.scrollIntoView({ block: "nearest" }), [selected, text]);
  const found = matchingItems(items, text, (item) => `${item.text} ${item.hint ?? ""}`);
  const matches = [...(text.trim() ? typedItems(text) : []), ...found].slice(0, MAX_ITEMS);
  const run = (item) => {
    dialog.current.close();
    item?.run();
  };
  const onKeyDown = (event) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step) {
      event.preventDefault();
      setSelected((selected + step + matches.length) % Math.max(1, matches.length));
    } else if (event.key === "Enter") {
      event.preventDefault();
      run(matches[selected]);
    }
  };
  const onInput = (event) => (setText(event.target.value), setSelected(0));
  return html`<dialog class="palette" ref=${dialog} aria-label=${title} onClose=${() => openPalette.peek()?.items === items && (openPalette.value = null)}
    onClick=${(event) => event.target === dialog.current && dialog.current.close()}>
    <input type="text" role="combobox" aria-expanded="true" aria-controls="choices" aria-activedescendant=${matches.length > 0 ? `choice-${selected}` : undefined} aria-label=${title}
      placeholder=${title} autocomplete="off" spellcheck=${false} value=${text} onInput=${onInput} onKeyDown=${onKeyDown} />
    <ul id="choices" role="listbox" aria-label=${title} ref=${list}>
      ${matches.map((item, i) => html`<li key=${`${item.text} ${item.hint}`} id=${`choice-${i}`} role="option" aria-selected=${i === selected} class=${i === selected ? "on" : ""}
        onClick=${() => run(item)}><span>${item.text}</span><small>${item.hint}</small>${item.keys?.map((key) => html`<kbd>${key}</kbd>`)}</li>`)}
    </ul>
    ${matches.length === 0 && html`<p class="mut">No matches.</p>`}
  </dialog>`;
}

/** The palette, if it is open. */
export function Palette() {
  return openPalette.value && html`<${PaletteDialog} key=${openPalette.value.title} ...${openPalette.value} />`;
}
