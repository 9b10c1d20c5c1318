// The dialog in which a note is written, changed or deleted.

import { html, useLayoutEffect, useRef, useState } from "../../browser/html.js";
import { MAX_TEXT, noteText } from "../../lib/notes.js";
import { duration } from "../../lib/time-format.js";
import { deleteNote, editedNote, keepNote } from "../../state/incident/notes.js";
import { cursor_ms, view } from "../../state/store.js";
import { EXAMPLES, readTimes, timesText } from "./typed-times.js";

function Editor({ note }) {
  const dialog = useRef(null), area = useRef(null);
  const [text, setText] = useState(note.text);
  const [times, setTimes] = useState({ from_ms: note.from_ms, to_ms: note.to_ms }); // null while the typed text is not a time
  const [typed, setTyped] = useState(timesText(note));
  const [showsError, setShowsError] = useState(false);
  useLayoutEffect(() => {
    dialog.current.showModal(); // before the next key is pressed
    area.current.focus();
  }, []);
  const close = () => dialog.current.close();
  const onTime = (event) => {
    setTyped(event.target.value);
    setTimes(readTimes(event.target.value));
    setShowsError(false);
  };
  const setTo = (next) => {
    setTyped(timesText(next));
    setTimes(next);
    setShowsError(false);
    area.current.focus();
  };
  const canKeep = noteText(text) !== "";
  const keep = (event) => {
    event.preventDefault();
    if (times === null) return setShowsError(true);
    if (!canKeep) return area.current.focus();
    keepNote({ ...times, text: noteText(text) }, note.old);
    close();
  };
  const onKeyDown = (event) => {
    if (event.key === "Enter" && !event.shiftKey && !event.isComposing) keep(event);
  };
  const remove = () => {
    deleteNote(note.old);
    close();
  };
  const length = times?.to_ms ? `over ${duration(times.to_ms - times.from_ms)}` : "at an instant";
  return html`<dialog class="form note-form" ref=${dialog} aria-labelledby="note-title" onClose=${() => (editedNote.value = null)}>
    <form onSubmit=${keep}>
      <div class="head"><h2 id="note-title">${note.old ? "Change the note" : "New note"}</h2><span class="mut">${times && length}</span></div>
      <label for="note-text">Text</label>
      <textarea id="note-text" ref=${area} rows="3" maxlength=${MAX_TEXT} value=${text} aria-describedby="note-count" placeholder="What happened, or what was done"
        onInput=${(event) => setText(event.target.value)} onKeyDown=${onKeyDown}></textarea>
      <p id="note-count" class="mut">${noteText(text).length} of ${MAX_TEXT} characters. Notes are kept in the address of this page: a copied link and a saved incident contain them.</p>
      <label for="note-time">Time</label>
      <div class="row"><input id="note-time" type="text" value=${typed} autocomplete="off" spellcheck=${false} aria-invalid=${showsError} aria-describedby=${showsError ? "note-error" : undefined} onInput=${onTime} />
        <button type="button" class="link" onClick=${() => setTo({ from_ms: cursor_ms.peek(), to_ms: null })}>Cursor</button>
        <button type="button" class="link" onClick=${() => setTo({ ...view.peek() })}>Range in view</button></div>
      ${showsError && html`<p id="note-error" role="alert">Not a time I can read. Try ${EXAMPLES}</p>`}
      <div class="buttons"><button class="main" aria-disabled=${!canKeep}>Keep note</button>
        <button type="button" onClick=${close}>Cancel</button>
        ${note.old && html`<button type="button" class="link end" onClick=${remove}>Delete</button>`}</div>
    </form>
  </dialog>`;
}

/** The dialog of a note, if it is open. */
export function NoteDialog() {
  return editedNote.value && html`<${Editor} note=${editedNote.value} />`;
}
