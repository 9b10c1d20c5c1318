// The list of notes next to the lanes, with the buttons that make one and that save the incident.

import { html, useEffect, useRef } from "../../browser/html.js";
import { noteTimes } from "../../lib/notes.js";
import { saveIncident } from "../../requests/incident/copy.js";
import { deletedNote, deleteNote, editNote, newNoteAtCursor, notes, restoreNote, showNote, visitedNote } from "../../state/incident/notes.js";
import { openedPack } from "../../state/pack.js";
import { edge_ms, ready, view } from "../../state/store.js";

function Item({ note }) {
  const { text } = note;
  const times = noteTimes(note, Math.min(edge_ms.value, view.value.to_ms - 1), edge_ms.value);
  return html`<li class=${visitedNote.value === note ? "on" : ""}>
    <button class="show" aria-current=${visitedNote.value === note ? "true" : undefined} title=${`Show ${times}`} onClick=${() => showNote(note)}>
      <small>${times}</small><span class="text">${text}</span></button>
    <button class="link" aria-label=${`Change the note “${text}”`} onClick=${() => editNote(note)}>Change</button>
    <button class="link" aria-label=${`Delete the note “${text}”`} onClick=${() => deleteNote(note)}>Delete</button></li>`;
}

/** The panel of notes. */
export function Notes() {
  const panel = useRef(null), visited = visitedNote.value;
  useEffect(() => {
    const scrolls = panel.current?.scrollHeight > panel.current?.clientHeight; // not on a phone, where the lanes would leave the screen
    if (scrolls) panel.current.querySelector(".on")?.scrollIntoView({ block: "nearest" });
  }, [visited]);
  if (!ready.value && notes.value.length === 0) return null;
  const count = notes.value.length;
  return html`<section ref=${panel} class=${`notes ${count > 0 ? "open" : ""}`} aria-label="Notes" aria-keyshortcuts="e Shift+E u Shift+U">
    <div class="head">${count > 0 && html`<h2>Notes</h2><span class="mut">${count}</span>`}
      <button class="link" title="Write a note at the cursor (e), or Ctrl-drag over a lane" onClick=${newNoteAtCursor}>Add a note</button>
      ${openedPack.value === null
        ? html`<button class="link end" title="Save the range in view as a file that others can open (Ctrl-S)" onClick=${saveIncident}>Save this incident</button>`
        : html`<button class="link end" title="Save this file with the present view and notes (Ctrl-S)" onClick=${saveIncident}>Save a copy</button>`}</div>
    <p class="unseen" role="status">${deletedNote.value && "Note deleted"}</p>
    ${count > 0 && html`<ol>${notes.value.map((note) => html`<${Item} key=${`${note.from_ms} ${note.to_ms} ${note.text}`} note=${note} />`)}</ol>`}
    ${deletedNote.value && html`<p>Deleted “<span class="text">${deletedNote.value.text.slice(0, 40)}${deletedNote.value.text.length > 40 ? "…" : ""}</span>”. <button class="link" onClick=${restoreNote}>Undo</button></p>`}
  </section>`;
}
