// The row of notes above the events: a flag and the text of each note at its time, or all notes in view as a table.

import { html } from "../../browser/html.js";
import { noteTimes } from "../../lib/notes.js";
import { notes, notesInView, showNote, visitedNote } from "../../state/incident/notes.js";
import { edge_ms, plot, view } from "../../state/store.js";
import { showsTables } from "../../state/page.js";
import { placedNotes } from "./note-marks.js";

const LETTER_PX = 6.2; // average width of a letter in a label
const FLAG_PX = 12; // with the space before the text
const MAX_LABEL_PX = 320;

/** The placed notes with their labels: [{…, label_px: room of the label, isLeft: whether it is left of the note's beginning}]. */
function labelled(placed, width) {
  let end = 0;
  return placed.map((item, i) => {
    const { note, left } = item;
    const wanted = Math.min(MAX_LABEL_PX, FLAG_PX + note.text.length * LETTER_PX);
    const room = Math.max(0, (placed[i + 1]?.left ?? width) - left);
    const isLeft = room < wanted && left - end > Math.max(room, wanted);
    const label_px = Math.min(wanted, isLeft ? left - end : room);
    end = isLeft ? left : left + label_px;
    return { ...item, label_px, isLeft };
  });
}

function Mark({ mark: { note, left, width, label_px, isLeft } }) {
  const title = `${noteTimes(note, view.value.to_ms - 1, edge_ms.value)}: ${note.text}`;
  const position = isLeft ? { right: `${plot.value.width - left}px` } : { left: `${left}px` };
  return html`${width > 0 && html`<i style=${{ left: `${left}px`, width: `${width}px` }}></i>`}
    <button tabindex="-1" class=${`note-flag ${isLeft ? "before" : ""} ${visitedNote.value === note ? "on" : ""}`} style=${{ ...position, maxWidth: `${Math.max(8, label_px)}px` }}
      title=${title} aria-label=${`Note, ${title}`} onClick=${() => showNote(note)}>
      <svg width="8" height="10" aria-hidden="true"><path d="M0.5 0v10" stroke="currentColor" /><path d="M1 0.5l7 3l-7 3z" fill="currentColor" /></svg>
      ${label_px > 2 * FLAG_PX && html`<span>${note.text}</span>`}</button>`;
}

function Table() {
  const near_ms = view.value.to_ms - 1;
  return html`<div class="tabular" tabindex="0" role="group" aria-label="Notes as a table"><table>
    <caption>Notes in view</caption>
    <thead><tr><th scope="col">time</th><th scope="col">note</th></tr></thead>
    <tbody>${notesInView.value.map((note) => html`<tr key=${`${note.from_ms} ${note.text}`}>
      <th scope="row">${noteTimes(note, near_ms, edge_ms.value)}</th><td class="text">${note.text}</td></tr>`)}</tbody>
  </table>${notesInView.value.length === 0 && html`<p class="mut">No notes in this range.</p>`}</div>`;
}

/** The row of notes; nothing if there are none at all. */
export function NoteLane() {
  if (notes.value.length === 0) return null;
  const marks = labelled(placedNotes.value, plot.value.width);
  return html`<section class=${`note-lane ${showsTables.value ? "table" : ""}`} aria-label="Notes on the lanes" aria-keyshortcuts="u Shift+U">
    ${showsTables.value ? html`<${Table} />` : html`<div class="gutter">Notes ${notes.value.length}</div>
    <div class="box">${marks.map((mark) => html`<${Mark} key=${`${mark.note.from_ms} ${mark.note.text}`} mark=${mark} />`)}</div>`}
  </section>`;
}
