// Ranks the rows of a comparison by how much their metrics differ between two ranges, as the viewer does: the formula and its reasons
// are in query/comparing/change_ranking.py. Here it works on what the page has: a pack in memory.

import { ADDITIVE_UNITS } from "../units.js";

const MIN_SAMPLES = 5;
const FULL_STEP = { ratio: 0.2, "%": 20, "ms/s": 200 };
const COMMON_WEIGHT = 9;
const MAX_EFFECT = 30;
const MIN_NOISE_SHARE = 0.05;
const TYPICAL_SHARE = 100;
const MIN_SCORE = 0.1;
const MAX_SCORE_RATIO = 10;
const DERIVED_WEIGHT = 1.5;
const METRICS_PER_ROW = 4;

const meanOf = ({ count, total }) => (count >= MIN_SAMPLES ? total / count : NaN);
const orNull = (value) => (Number.isFinite(value) ? value : null);
const sum = (values) => values.reduce((total, value) => total + (value === value ? value : 0), 0);

/**
 * The rows with the highest scores, at most `limit`: [{row, score, changes: [{metric, before, during, peak_before, peak, score}]}].
 *
 * `rows`: of each row, of each metric, the sums before and during: [[[sums, sums]]]. `metrics`: [{name, title, unit, kind, needs, floor}].
 */
export function rankedRows(rows, metrics, limit) {
  const present = rows.map((ofMetrics) => [0, 1].map((side) => Math.max(0, ...ofMetrics.map((pair) => pair[side].count)) >= MIN_SAMPLES));
  const scores = rows.map(() => []);
  metrics.forEach((metric, m) => {
    const pairs = rows.map((ofMetrics) => ofMetrics[m]);
    const forth = scoresOf(pairs, present, metric.unit);
    const back = scoresOf(pairs.map(([before, during]) => [during, before]), present.map(([before, during]) => [during, before]), metric.unit);
    pairs.forEach((pair, row) => (scores[row][m] = isWorthASentence(pair, metric.floor) ? Math.max(forth[row], back[row]) : 0));
  });
  const changed = scores.map((ofRow, row) => {
    const changes = distinct(ofRow, metrics).map((m) => {
      const [before, during] = rows[row][m];
      return { metric: metrics[m], before: orNull(meanOf(before)), during: orNull(meanOf(during)), peak_before: orNull(before.high), peak: orNull(during.high), score: ofRow[m] };
    });
    return { row, score: sum(changes.map(({ score }) => score)), changes };
  }).filter(({ score }) => score >= MIN_SCORE).sort((a, b) => b.score - a.score).slice(0, limit);
  return changed.filter(({ score }) => score >= changed[0].score / MAX_SCORE_RATIO);
}

/** Whether two means, or two highest values, are at least the floor of their metric apart. */
function isWorthASentence(pair, floor) {
  const apart = (of) => Math.abs((orNull(of(pair[1])) ?? 0) - (orNull(of(pair[0])) ?? 0));
  return Math.max(apart(meanOf), apart(({ high }) => high)) >= floor;
}

/** The indices of the metrics with the highest scores, but only one of those that need the same column. */
function distinct(scores, metrics) {
  const weight = (m) => scores[m] * (metrics[m].kind === "derived" ? DERIVED_WEIGHT : 1);
  const order = metrics.map((_, m) => m).sort((a, b) => weight(b) - weight(a) || a - b);
  const chosen = [], columns = new Set();
  for (const m of order) {
    if (chosen.length === METRICS_PER_ROW) break;
    if (scores[m] < MIN_SCORE / METRICS_PER_ROW || metrics[m].needs.some((name) => columns.has(name))) continue;
    chosen.push(m);
    metrics[m].needs.forEach((name) => columns.add(name));
  }
  return chosen;
}

/** The scores of one metric of all rows, as if the first range had been before the second. */
function scoresOf(pairs, present, unit) {
  const isAdditive = ADDITIVE_UNITS.has(unit);
  const levels = pairs.map((pair, row) => pair.map((sums, side) => (Number.isNaN(meanOf(sums)) && isAdditive && !present[row][side] ? 0 : meanOf(sums))));
  const known = levels.filter(([before]) => !Number.isNaN(before)).length;
  const typical = sum(levels.map(([before]) => Math.abs(before))) / Math.max(1, known) / TYPICAL_SHARE;
  const own = levels.map(([before, during]) => Math.max(Math.abs(before), Math.abs(during)));
  const total = sum(own);
  const raw = pairs.map(([before, during], row) => {
    const [level, next] = levels[row];
    const shift = Math.abs(next - level), beyond = beyondOf(before, during);
    const whole = isAdditive ? total : FULL_STEP[unit] ?? own[row];
    const share = whole > 0 ? Math.max(shift, beyond / 2) / whole : 0;
    const score = Math.log1p(effectOf(before, level, typical, shift, beyond)) * Math.sqrt(Math.min(1, share));
    return Number.isFinite(score) ? score : 0;
  });
  const all = sum(raw);
  return raw.map((score) => {
    const others = (all - score) / Math.max(1, raw.length - 1);
    return score > 0 ? (score * score) / (score + COMMON_WEIGHT * others) : 0;
  });
}

/** The maximum distance of single samples from the values before. */
function beyondOf(before, during) {
  if (before.count < MIN_SAMPLES || during.count < MIN_SAMPLES) return 0;
  return Math.max(0, during.high - before.high, before.low - during.low);
}

/** The distance from the usual values, in multiples of the usual movement. */
function effectOf(before, level, typical, shift, beyond) {
  const mean = meanOf(before), noise = Math.sqrt(Math.max(0, before.squares / before.count - mean ** 2));
  const usual = (Number.isNaN(noise) ? 0 : noise) + MIN_NOISE_SHARE * Math.max(Math.abs(Number.isNaN(level) ? 0 : level), typical);
  const width = (before.count >= MIN_SAMPLES ? before.high - before.low : 0) + usual;
  return Math.min(MAX_EFFECT, Math.max(shift / usual, beyond / width));
}
