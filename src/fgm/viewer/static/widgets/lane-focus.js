// Focuses a lane and scrolls to it.

import { setFocus } from "../state/lanes.js";

/** Focus the lane at an index, if there is one, and scroll to it. */
export function focusLane(index) {
  if (setFocus(index)) document.querySelectorAll(".lane")[index]?.scrollIntoView({ block: "nearest" });
}
