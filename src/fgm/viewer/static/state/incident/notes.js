// The notes: short texts at instants or over ranges. They are in the URL, and so in each link and each saved incident.

import { batch, computed, signal } from "../../vendor/signals.js";
import { byTime, MAX_NOTES } from "../../lib/notes.js";
import { sameValue } from "../../lib/same-value.js";
import { showToast } from "../page.js";
import { cursor_ms, end_ms, interval_ms, view } from "../store.js";
import { goTo, pin, viewChanged, zoom } from "../view.js";

const MARGIN_SHARE = 0.5; // of the length of a note: how much is shown before and after it

/** The notes, by time: [{from_ms, to_ms: null for an instant, text}]. */
export const notes = signal([]);
/** The note in the dialog: {from_ms, to_ms, text, old: the note that is changed, or null for a new one}; null if none is. */
export const editedNote = signal(null);
/** The note that was deleted last, until it is restored or another note is changed; null if there is none. */
export const deletedNote = signal(null);
/** The note that was shown last, or null. */
export const visitedNote = signal(null);

/** Whether a note can be seen in the view. */
const isInView = ({ from_ms, to_ms }) => (to_ms ?? from_ms) >= view.value.from_ms && from_ms < end_ms.value;
/** The notes in view. */
export const notesInView = computed(() => notes.value.filter(isInView));

/** The notes that are at least partly in [from_ms, to_ms). */
export const notesWithin = ({ from_ms, to_ms }) => notes.value.filter((note) => (note.to_ms ?? note.from_ms) >= from_ms && note.from_ms < to_ms);

function setNotes(list, deleted = null) {
  batch(() => {
    notes.value = list;
    deletedNote.value = deleted;
  });
  viewChanged("replace");
}

/** Open the dialog for a new note at an instant, or on a range. */
export function newNote(from_ms, to_ms = null) {
  if (notes.peek().length >= MAX_NOTES) return showToast(`There are ${MAX_NOTES} notes, which is the maximum: delete one first.`);
  const step = interval_ms.peek(), whole = (ms) => Math.max(0, Math.round(ms / step) * step);
  editedNote.value = { from_ms: whole(from_ms), to_ms: to_ms === null || whole(to_ms) <= whole(from_ms) ? null : whole(to_ms), text: "", old: null };
}

/** Open the dialog for a new note at the cursor. */
export const newNoteAtCursor = () => newNote(cursor_ms.peek());

/** Open the dialog for a new note on the range in view. */
export const newNoteOnView = () => newNote(view.peek().from_ms, view.peek().to_ms);

/** Open the dialog that changes a note. */
export function editNote(note) {
  editedNote.value = { ...note, old: note };
}

/** Keep a note {from_ms, to_ms, text}, in the place of the `old` one if there is one. */
export function keepNote(note, old = null) {
  if (sameValue(note, old)) return;
  setNotes([...notes.peek().filter((other) => other !== old), note].sort(byTime));
  visitedNote.value = note;
}

/** Delete a note. It can be restored until another one is changed. */
export function deleteNote(note) {
  setNotes(notes.peek().filter((other) => other !== note), note);
}

/** Restore the note that was deleted last. */
export function restoreNote() {
  if (deletedNote.peek()) keepNote(deletedNote.peek());
}

/** Show a note: pin the cursor at its beginning, and move the view if the note is not in it as a whole. */
export function showNote(note) {
  const { from_ms, to_ms } = note;
  visitedNote.value = note;
  if (to_ms === null) return goTo(from_ms);
  if (from_ms < view.peek().from_ms || to_ms > end_ms.peek()) {
    const margin_ms = MARGIN_SHARE * (to_ms - from_ms);
    zoom(from_ms - margin_ms, to_ms + margin_ms);
  }
  pin(from_ms);
}

/** Show the note after (`step` 1) or before (−1) the one that was shown last; without one, the first or the last in view. */
export function showNextNote(step) {
  const list = notes.peek();
  if (list.length === 0) return;
  const current = list.indexOf(visitedNote.peek());
  if (current >= 0) return showNote(list[(current + step + list.length) % list.length]);
  const inView = notesInView.peek().length > 0 ? notesInView.peek() : list;
  showNote(inView.at(step > 0 ? 0 : -1));
}
