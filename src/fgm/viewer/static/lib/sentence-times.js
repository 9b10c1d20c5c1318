// Times of day within sentences of the viewer, which are in UTC.

import { clock } from "./time-format.js";

const DAY_MS = 86_400_000;

/** A sentence with local times of day instead of those in UTC, such as "14:32:10 UTC". `near_ms`: an instant less than half a day away. */
export function withLocalTimes(text, near_ms) {
  return text.replace(/\b(\d\d):(\d\d):(\d\d)(?: UTC)?\b/g, (_, hours, minutes, seconds) => {
    const ofDay_ms = 1000 * (3600 * hours + 60 * minutes + Number(seconds));
    return clock(ofDay_ms + DAY_MS * Math.round((near_ms - ofDay_ms) / DAY_MS));
  });
}
