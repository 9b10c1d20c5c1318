// Studies in words: what the lane's title says about its trends, change points or periods.

import { computed } from "../vendor/signals.js";
import { duration, clock } from "../lib/time-format.js";
import { formatNumber, unitFor } from "../lib/units.js";
import { laneStudies, STUDIES, studyAnswers } from "../state/analysis/studies.js";
import { lanes } from "../state/lanes.js";

const MIN_RISE = 0.25; // of its highest value: a smaller trend that is not sure is not drawn
const MAX_CHANGES = 3; // of a series; further ones are counted

const signed = (value, unit) => `${value < 0 ? "−" : "+"}${formatNumber(Math.abs(value), unit)}`;

/** Whether a trend is drawn: a sure one, or one that rises or falls by a good part of its values. */
export const isTrend = ({ is_sure, from_value, to_value }) => is_sure || Math.abs(to_value - from_value) >= MIN_RISE * Math.max(Math.abs(from_value), Math.abs(to_value));

function trendText(trend, unit) {
  const { is_sure, slope_per_s, slope_low_per_s, slope_high_per_s } = trend;
  if (!isTrend(trend)) return null;
  const minute = unitFor(unit, 60 * Math.max(Math.abs(slope_low_per_s), Math.abs(slope_high_per_s)));
  const [slope, low, high] = [slope_per_s, slope_low_per_s, slope_high_per_s].map((value) => signed(60 * value, minute));
  return `${slope} ${minute.short} a minute${is_sure ? ` (${low} to ${high})` : ", which may be chance"}`;
}

function changesText({ levels }, unit) {
  if (levels.length < 2) return null;
  const scale = unitFor(unit, Math.max(...levels.map(({ value }) => Math.abs(value))));
  const changes = levels.slice(1, 1 + MAX_CHANGES).map(({ from_ms, value }, i) => `${clock(from_ms)} ${formatNumber(levels[i].value, scale)} → ${formatNumber(value, scale)}`);
  const more = levels.length - 1 - changes.length;
  return `${changes.join(", ")} ${scale.short}${more > 0 ? ` and ${more} more` : ""}`;
}

const periodText = ({ period_ms }) => (period_ms === null ? null : `every ${period_ms < 10_000 ? `${period_ms / 1000} s` : duration(period_ms)}`);

const TEXT_OF = { trend: trendText, changepoint: changesText, periodicity: periodText };

/** The text of the study of each lane: Map(lane key → "periods: cron every 60 s"); none for a lane without a study. */
export const studyTexts = computed(() => new Map(lanes.value.filter(({ key }) => laneStudies.value.has(key)).map(({ key, unit }) => {
  const study = laneStudies.value.get(key), answer = studyAnswers.value.get(key);
  if (!answer || answer.study !== study) return [key, `${STUDIES.get(study)}: looking…`];
  if (answer.refusal) return [key, `${STUDIES.get(study)}: ${answer.refusal}`];
  const texts = answer.series.map((series) => [series.name, TEXT_OF[study](series, unit)]).filter(([, text]) => text !== null);
  return [key, `${STUDIES.get(study)}: ${texts.length > 0 ? texts.map(([name, text]) => `${name} ${text}`).join("; ") : "none"}`];
})));
