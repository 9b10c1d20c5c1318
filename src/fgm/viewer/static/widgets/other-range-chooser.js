// Chooses the range to compare the view with: usual distances, or a typed time.

import { leaves, locationOf, workload } from "../lib/series.js";
import { datedRange, duration, viewRange } from "../lib/time-format.js";
import { readTime } from "../lib/time-parse.js";
import { compareSeries, compareWith, compareWithEarlier, otherRange, stopComparing } from "../state/compare/other-range.js";
import { seriesInView } from "../state/compare/other-series.js";
import { shown } from "../state/shown.js";
import { edge_ms, health, view } from "../state/store.js";
import { compareWithFile } from "../requests/compare/other-pack.js";
import { chooseFile } from "./file-chooser.js";
import { choose } from "./palette.js";

const HOUR_MS = 3_600_000, DAY_MS = 86_400_000;
const USUAL = [["An hour earlier", HOUR_MS], ["A day earlier", DAY_MS], ["A week earlier", 7 * DAY_MS]];

/** The item of a distance, with the range that it means; null if nothing is recorded there. */
function itemOf(text, by_ms) {
  const { from_ms, to_ms } = view.peek();
  if (to_ms - by_ms <= (health.peek().oldest_ms ?? Infinity)) return null;
  const hint = by_ms < DAY_MS ? viewRange(from_ms - by_ms, to_ms - by_ms) : datedRange(from_ms - by_ms, to_ms - by_ms);
  return { text, hint, run: () => compareWithEarlier(by_ms) };
}

/** The items for a typed time: the range that begins then. */
function typedItems(text) {
  const { from_ms, to_ms } = view.peek();
  const time = readTime(text, edge_ms.peek(), Math.min(edge_ms.peek(), from_ms));
  const begin_ms = time?.from_ms ?? time?.at_ms ?? (Number.isFinite(time?.span_ms) ? from_ms - time.span_ms : null);
  if (begin_ms === null || begin_ms === from_ms || begin_ms < 0) return [];
  return [{ text: `From ${datedRange(begin_ms, begin_ms + to_ms - from_ms)}`, hint: duration(Math.abs(from_ms - begin_ms)) + (begin_ms < from_ms ? " earlier" : " later"), run: () => compareWith(begin_ms) }];
}

/** Choose the series to lay under the first of the lanes, such as the version that a canary will replace. */
function chooseSeries() {
  const [{ key, series }] = shown.peek();
  const others = leaves(seriesInView.peek()).filter((other) => workload(other) !== key);
  const byWorkload = new Map(others.map((other) => [workload(other), other]));
  choose(`Under ${series.name}: which container?`, [...byWorkload.values()].map((other) => ({ text: other.name, hint: locationOf(other), run: () => compareSeries(series.id, other.id) })));
}

/** Open the list of ranges to compare with. */
export function chooseOtherRange() {
  const { from_ms, to_ms } = view.peek();
  const length_ms = to_ms - from_ms;
  const usual = USUAL.filter(([, by_ms]) => by_ms !== length_ms).map(([text, by_ms]) => itemOf(text, by_ms));
  choose("Compare with a range, or type when it begins", [
    itemOf("The time just before", length_ms), ...usual,
    shown.peek().length > 0 && { text: "Another container at the same time…", hint: `under ${shown.peek()[0].series.name}`, run: chooseSeries },
    { text: "A saved file…", hint: "of before, or of another node", run: () => chooseFile(compareWithFile) },
    otherRange.peek() && { text: "Show this view alone", hint: "", run: stopComparing },
  ].filter(Boolean), typedItems);
}
