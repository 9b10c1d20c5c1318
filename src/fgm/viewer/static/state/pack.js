// The pack whose data is shown instead of a viewer's, if one is open.

import { signal } from "../vendor/signals.js";
import { ALL } from "../lib/time-format.js";

/**
 * The open pack: {manifest, fileName, file}; fileName and file: null if this page is inside of the pack. null: the data of a viewer is
 * shown.
 */
export const openedPack = signal(null);
/** Sentences on parts of the open pack that cannot be read. */
export const packDamage = signal([]);
/** Whose data the page shows if no file is opened in it; null if there is none, since the file that this page is inside of is damaged. */
export const ownName = signal("the viewer");
/** Whether a file is being dragged over the page. */
export const isDropping = signal(false);
/** The name of the file that the view in the address is of, if it is no longer open; null if none is missing. */
export const missingFile = signal(null);
/** Why a file cannot be opened as a pack, or null. */
export const packRefusal = signal(null);

/** A range as it can be shown: of a pack, which has no newest data to follow, a live one becomes the last part. */
export function showable(range) {
  if (openedPack.peek() === null || !range.live) return range;
  const { from_ms, to_ms } = openedPack.peek().manifest;
  return { live: false, from_ms: range.span_ms === ALL ? from_ms : Math.max(from_ms, to_ms - range.span_ms), to_ms };
}
