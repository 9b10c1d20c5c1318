// A list to choose from by typing: of commands, of metrics. One dialog, whoever asks.

import { signal } from "../vendor/signals.js";
import { html, useEffect, useLayoutEffect, useRef, useState } from "../browser/html.js";
import { matchingItems } from "../lib/search.js";

const MOST = 60; // more nobody reads

/** {title, items: [{text, hint, keys, run}]}, or null while it is closed. */
const asked = signal(null);

/** Let a person choose one of some items, which is then run. */
export function choose(title, items) {
  asked.value = { title, items };
}

function List({ title, items }) {
  const dialog = useRef(null), list = useRef(null);
  const [text, setText] = useState("");
  const [at, setAt] = useState(0);
  useLayoutEffect(() => dialog.current.showModal(), []); // before the next key comes
  useEffect(() => list.current.querySelector(".on")?.scrollIntoView({ block: "nearest" }), [at, text]);
  const found = matchingItems(items, text, (item) => `${item.text} ${item.hint ?? ""}`).slice(0, MOST);
  const run = (item) => {
    dialog.current.close();
    item?.run();
  };
  const keys = (event) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step) {
      event.preventDefault();
      setAt((at + step + found.length) % Math.max(1, found.length));
    } else if (event.key === "Enter") {
      event.preventDefault();
      run(found[at]);
    }
  };
  const type = (event) => (setText(event.target.value), setAt(0));
  return html`<dialog class="palette" ref=${dialog} aria-label=${title} onClose=${() => (asked.value = null)}
    onClick=${(event) => event.target === dialog.current && dialog.current.close()}>
    <input type="text" role="combobox" aria-expanded="true" aria-controls="choices" aria-activedescendant=${found.length > 0 ? `choice-${at}` : undefined} aria-label=${title}
      placeholder=${title} autocomplete="off" spellcheck="false" value=${text} onInput=${type} onKeyDown=${keys} />
    <ul id="choices" role="listbox" aria-label=${title} ref=${list}>
      ${found.map((item, i) => html`<li key=${`${item.text} ${item.hint}`} id=${`choice-${i}`} role="option" aria-selected=${i === at} class=${i === at ? "on" : ""}
        onClick=${() => run(item)}><span>${item.text}</span><small>${item.hint}</small>${item.keys?.map((key) => html`<kbd>${key}</kbd>`)}</li>`)}
    </ul>
    ${found.length === 0 && html`<p class="mut">Nothing is called so.</p>`}
  </dialog>`;
}

export function Palette() {
  return asked.value && html`<${List} key=${asked.value.title} ...${asked.value} />`;
}
