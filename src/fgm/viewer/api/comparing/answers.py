"""The answers of comparisons as JSON values, with what differs also in words."""

from collections.abc import Sequence
from typing import Any

from fgm.metrics.derived import DEPTHS
from fgm.store.samples.series import Series
from fgm.viewer.contents.holdings import Holdings
from fgm.viewer.contents.series_names import find_or_make, limit_of, name_of
from fgm.viewer.findings.ranking import Ranked
from fgm.viewer.findings.sentences import sentence_of
from fgm.viewer.query.comparing.change_query import ChangedWorkload, ChangeQuery
from fgm.viewer.query.comparing.change_ranking import Change
from fgm.viewer.query.comparing.change_words import words_of
from fgm.viewer.query.comparing.comparison import ComparisonResult
from fgm.viewer.query.comparing.difference_query import Difference, DifferenceQuery, DifferenceResult


def of_changes(query: ChangeQuery, limit: int, holdings: Holdings) -> dict[str, Any]:
    """Return what changed in a range. The steps of the query must be done."""
    changed, found, result = query.result(limit)
    span = query.findings.span
    return {
        "before_ms": span.compared_from_ms,
        "from_ms": span.from_ms,
        "to_ms": span.to_ms,
        **_about(result, is_cut=found.is_cut, skipped_files=found.skipped_files),
        "series": [_workload(each, found.series, result, holdings) for each in changed],
    }


def of_differences(query: DifferenceQuery, limit: int, holdings: tuple[Holdings, Holdings]) -> dict[str, Any]:
    """Return how two ranges differ. `holdings`: of each side. The steps of the query must be done."""
    result = query.result(limit)
    other, span = (each.span for each in query.findings)
    is_cut = any(found.is_cut for found in result.found)
    return {
        "against_ms": other.from_ms,
        "against_to_ms": other.to_ms,
        "from_ms": span.from_ms,
        "to_ms": span.to_ms,
        **_about(result.compared, is_cut=is_cut, skipped_files=max(found.skipped_files for found in result.found)),
        "has_during": result.compared.has_during,
        "series": [_difference(each, result, holdings) for each in result.differences],
    }


def _about(result: ComparisonResult, *, is_cut: bool, skipped_files: int) -> dict[str, Any]:
    return {
        "partial": result.is_cut or is_cut,
        "skipped_files": max(result.skipped_files, skipped_files),
        "has_before": result.has_before,
        "compared": {"series": len(result.series), "metrics": result.metrics},
    }


def _workload(
    changed: ChangedWorkload, of_findings: Sequence[Series], result: ComparisonResult, holdings: Holdings
) -> dict[str, Any]:
    return {
        **_names(changed.series, holdings),
        "strength": round(changed.strength, 2),
        "score": round(changed.score, 4),
        "findings": [_sentence(each, of_findings, holdings) for each in changed.findings],
        "changes": [_change(change, changed.row, changed.series, result) for change in changed.changes],
    }


def _difference(
    difference: Difference, result: DifferenceResult, holdings: tuple[Holdings, Holdings]
) -> dict[str, Any]:
    is_in_question = difference.counts[1] > 0 or any(each.side == 1 for each in difference.sightings)
    sentences: tuple[list[str], list[str]] = ([], [])
    for side, ranked in difference.sightings:
        sentences[side].append(_sentence(ranked, result.found[side].series, holdings[side]))
    return {
        **_names(difference.series, holdings[is_in_question]),
        "series_before": difference.counts[0],
        "series_during": difference.counts[1],
        "share_before": round(difference.shares[0], 4),
        "share_during": round(difference.shares[1], 4),
        "strength": round(difference.strength, 2),
        "score": round(difference.score, 4),
        "findings_before": sentences[0],
        "findings": sentences[1],
        "changes": [
            _change(change, difference.row, difference.series, result.compared) for change in difference.changes
        ],
    }


def _names(series: Series, holdings: Holdings) -> dict[str, Any]:
    registered = find_or_make(series, 0, holdings.series)
    return {
        "id": registered.id,
        "name": name_of(registered),
        "scope": series.scope,
        "namespace": series.namespace,
        "pod_name": series.pod_name,
        "container_name": series.container_name,
    }


def _sentence(ranked: Ranked, of_findings: Sequence[Series], holdings: Holdings) -> str:
    rows = (ranked.finding.row, *ranked.finding.others)
    name, *others = (name_of(find_or_make(of_findings[row], 0, holdings.series)) for row in rows)
    return sentence_of(ranked.finding, name, others)


def _change(change: Change, row: int | None, series: Series, result: ComparisonResult) -> dict[str, Any]:
    depths = [] if row is None else [result.depths.get((row, name)) for name in change.metric.needs if name in DEPTHS]
    depth = next(iter(depths), None)
    return {
        "metric": change.metric.name,
        "title": change.metric.title,
        "unit": change.metric.unit,
        "before": change.before,
        "during": change.during,
        "peak_before": change.peak_before,
        "peak": change.peak,
        "limit_of": limit_of(series, depth),
        "score": round(change.score, 4),
        "text": words_of(change),
    }
