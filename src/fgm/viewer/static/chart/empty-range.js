// Why a lane is empty if the range in view is before the oldest data or after the newest.

import { clockOrDate, datedRange } from "../lib/time-format.js";
import { openedPack } from "../state/pack.js";
import { edge_ms, health, newest_ms, view } from "../state/store.js";
import { follow, zoom } from "../state/view.js";

const STALE_MS = 60_000; // older data is not shown by a live view

/** [sentence, text of a button, action of the button]; null if there may be data in the range. */
export function reasonOfRange() {
  const newest = newest_ms.value;
  const oldest = health.value?.oldest_ms;
  const { from_ms, to_ms } = view.value;
  if (openedPack.value !== null) {
    const { from_ms: first_ms, to_ms: end_ms } = openedPack.value.manifest;
    const isOutside = first_ms >= to_ms || end_ms <= from_ms;
    return isOutside ? [`This file contains ${datedRange(first_ms, end_ms)}, and nothing of this range.`, "Show what it contains", () => zoom(first_ms, end_ms)] : null;
  }
  if (oldest != null && oldest >= to_ms) {
    const showOldest = () => zoom(oldest, oldest + (to_ms - from_ms));
    return [`The oldest data (${clockOrDate(oldest, edge_ms.value)}) is newer than this range.`, "Show the oldest data", showOldest];
  }
  if (newest !== null && newest < from_ms) {
    const showNewest = () => (edge_ms.peek() - newest < STALE_MS ? follow() : zoom(newest - (to_ms - from_ms), newest + 1000));
    return [`The newest data (${clockOrDate(newest, edge_ms.value)}) is older than this range.`, "Show the newest data", showNewest];
  }
  return null;
}
