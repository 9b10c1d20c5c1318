// Studies: what statistics say about the lines of a lane: their trends, change points or periods. A dashboard or a person chooses them.

import { signal } from "../../vendor/signals.js";
import { viewChanged } from "../view.js";

/** The studies: Map(name in dashboards and in the URL → name on the page). */
export const STUDIES = new Map([["trend", "trends"], ["changepoint", "change points"], ["periodicity", "periods"]]);
/** The study of each lane that has one: Map(lane name → name of the study). */
export const laneStudies = signal(new Map());
/** The answers: Map(lane name → {study, series: [{id, …}], refusal}). */
export const studyAnswers = signal(new Map());

/** Choose a study for a lane; null for none. */
export function setStudy(laneName, study) {
  const studies = new Map(laneStudies.peek());
  if (study === null) studies.delete(laneName);
  else studies.set(laneName, study);
  laneStudies.value = studies;
  viewChanged("replace");
}
