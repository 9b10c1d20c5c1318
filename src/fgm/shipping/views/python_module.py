"""The derived metrics as a module of Python for Polars, or for pandas and Dask.

Both have the same formulas, written with the same names; what these names do with a frame differs.
"""

from fgm.metrics.derived import DERIVED
from fgm.metrics.formulas import (
    BelowNode,
    Difference,
    KilledProcesses,
    NotNegative,
    PartOfSum,
    ScaledRate,
    Share,
    Sum,
    Times,
    Tree,
    Value,
)
from fgm.shipping.views.gaps import lead_s, longest_ms

_POLARS = '''\
"""The derived metrics of files that fgm has shipped, for Polars.

    frame = derived(samples("s3://bucket/prefix").filter(pl.col("dt") == "2025-12-30"))

Filter the samples by dt, identifier and time before; rates need the LEAD s before their first row.
"""

import polars as pl

KEYS = ["cluster", "dt", "identifier", "series"]


def samples(url, **options):
    """Scan all files below a URL."""
    text = dict.fromkeys(["cluster", "dt", "identifier"], pl.String)
    files = f"{url}/metrics/cluster=*/dt=*/identifier=*/*.parquet"
    return pl.scan_parquet(
        files, hive_schema=text, hive_partitioning=True, missing_columns="insert", extra_columns="ignore", **options
    )


def series():
    cgroup = pl.lit("cgroup:") + pl.col("cgroup")
    scope = pl.col("scope")
    return (
        pl.when(scope == "pod").then(pl.lit("pod:") + pl.col("pod_uid"))
        .when(scope == "cgroup").then(cgroup)
        .when(scope.is_in(["node", "outside"])).then(scope)
        .otherwise(pl.coalesce("container_id", cgroup))
    )


def value(column):
    return pl.col(column)


def rate(column, gap_ms):
    x = pl.col(column)

    def before(y):
        return pl.when(x.is_not_null()).then(y).forward_fill().shift().over(KEYS, order_by="time_ms")

    grown, passed = x - before(x), pl.col("read_ms") - before(pl.col("read_ms"))
    is_known = (grown >= 0) & (passed > 0) & (pl.col("time_ms") - before(pl.col("time_ms")) <= gap_ms)
    return pl.when(is_known).then(1000.0 * grown / passed)


def share(part, whole):
    return pl.when(whole > 0).then(part / whole)


def not_negative(x):
    return pl.when(x < 0).then(0).otherwise(x)


def below_node(limit, depth, own):
    return pl.when(depth > 0).then(limit).otherwise(own)


def killed(kills, groups):
    twice = groups.fill_null(0)
    least = pl.when(kills < twice).then(kills).when(kills >= twice).then(twice)
    return pl.when(kills >= 2 * twice).then(kills - twice).otherwise(least)


def derived(frame):
    """Return the samples with the derived metrics of each."""
    time_ms = pl.col("time").dt.epoch("ms")
    read_ms = time_ms + pl.col("late_us").fill_null(0) / 1000
    frame = frame.with_columns(series=series(), time_ms=time_ms, read_ms=read_ms)
    return frame.with_columns(
'''
_PANDAS = '''\
"""The derived metrics of files that fgm has shipped, for pandas, and for Dask after it has read the rows in question.

    import dask.dataframe as dd
    rows = dd.read_parquet("s3://bucket/prefix/metrics", columns=COLUMNS, filters=[("dt", "==", "2025-12-30")])
    frame = derived(rows.compute())

Filter the rows by dt, identifier and time before; rates need the LEAD s before their first row. `derived` computes each
rate from the row before: with map_partitions, the first rate of each file is missing.
"""

import numpy as np
import pandas as pd

KEYS = ["cluster", "dt", "identifier", "series"]
IDENTITY = ["scope", "container_id", "container_name", "pod_name", "namespace", "pod_uid", "cgroup", "node_name"]


def series(frame):
    cgroup = "cgroup:" + frame["cgroup"]
    key = frame["container_id"].where(frame["container_id"].notna(), cgroup)
    key = key.mask(frame["scope"] == "pod", "pod:" + frame["pod_uid"]).mask(frame["scope"] == "cgroup", cgroup)
    return key.mask(frame["scope"].isin(["node", "outside"]), frame["scope"])


def share(part, whole):
    return (part / whole).where(whole > 0)


def not_negative(x):
    return x.mask(x < 0, 0)


def below_node(limit, depth, own):
    return limit.where(depth > 0, own)


def killed(kills, groups):
    twice = groups.fillna(0)
    smaller = kills.mask(kills >= twice, twice)
    return (kills - twice).mask(kills - twice < smaller, smaller)


def derived(frame):
    """Return the samples with the derived metrics of each, sorted by series and time."""
    frame = frame.assign(series=series(frame), time_ms=frame["time"].astype("datetime64[ms, UTC]").astype("int64"))
    frame["read_ms"] = frame["time_ms"] + frame["late_us"].fillna(0) / 1000
    frame = frame.astype(dict.fromkeys(KEYS, str)).sort_values([*KEYS, "time_ms"], ignore_index=True)
    frame["number"] = (frame[KEYS] != frame[KEYS].shift()).any(axis=1).cumsum()  # of the series

    def value(column):
        return frame[column].astype(float)

    def rate(column, gap_ms):
        known = frame.loc[frame[column].notna(), ["number", "time_ms", "read_ms"]].assign(x=frame[column].astype(float))
        grown = known.diff()
        is_known = (grown["number"] == 0) & (grown["x"] >= 0) & (grown["read_ms"] > 0) & (grown["time_ms"] <= gap_ms)
        return (1000 * grown["x"] / grown["read_ms"]).where(is_known).reindex(frame.index)

    return frame.assign(
'''
PREAMBLES = {"polars": _POLARS, "pandas": _PANDAS}


def python_module(name: str, tick_ms: int = 1000) -> str:
    """Return the text of the module for `polars` or `pandas`. `tick_ms`: the sampling interval of the nodes."""
    trees = {metric.name: (metric.tree, metric.needs) for metric in DERIVED if metric.tree is not None}
    columns = sorted(set().union(*(needs for _, needs in trees.values())))
    lines = "".join(f"        {metric}={_python(tree, tick_ms)},\n" for metric, (tree, _) in trees.items())
    named = "".join(f'    "{column}",\n' for column in columns)
    identity = '    "time",\n    "late_us",\n    "cluster",\n    "dt",\n    "identifier",\n    *IDENTITY,\n'
    wanted = (
        f'\n\nCOLUMNS = [\n{identity}{named}]\n"""The columns that the formulas need."""\n' if name == "pandas" else ""
    )
    preamble = PREAMBLES[name].replace("LEAD", str(lead_s(tick_ms)))
    return f"{preamble}{lines}    )\n{wanted}"


def _python(formula: Tree, tick_ms: int) -> str:
    match formula:
        case Value(column):
            return f'value("{column}")'
        case ScaledRate(column, divisor):
            rate = f'rate("{column}", {longest_ms(column, tick_ms)})'
            return rate if divisor == 1 else f"{rate} / {divisor:.0f}"
        case Times(factor, value):
            return f"{factor:g} * {_python(value, tick_ms)}"
        case Sum(first, second):
            return f"({_python(first, tick_ms)} + {_python(second, tick_ms)})"
        case Difference(whole, part):
            return f"({_python(whole, tick_ms)} - {_python(part, tick_ms)})"
        case _:
            return _call(formula, tick_ms)


def _call(formula: Tree, tick_ms: int) -> str:
    match formula:
        case Share(part, whole):
            return f"share({_python(part, tick_ms)}, {_python(whole, tick_ms)})"
        case PartOfSum(part, rest):
            return f"share({_python(part, tick_ms)}, {_python(Sum(part, rest), tick_ms)})"
        case NotNegative(value):
            return f"not_negative({_python(value, tick_ms)})"
        case BelowNode(limit, depth, own):
            return f'below_node(value("{limit}"), value("{depth}"), {_python(own, tick_ms)})'
        case KilledProcesses(kills, group_kills):
            return f"killed({_python(kills, tick_ms)}, {_python(group_kills, tick_ms)})"
        case _:
            raise TypeError(f"no Python for {formula}")
