"""Formulas of derived metrics as expressions of SQL, over a row with recorded values and rates."""

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
from fgm.shipping.views.dialects import Dialect


def rate_name(counter: str) -> str:
    """Return the name of the column that has the rate of a counter."""
    return f"{counter}/s"


def counters_of(formula: Tree) -> set[str]:
    """Return the counters whose rates a formula needs."""
    match formula:
        case ScaledRate(column):
            return {column}
        case Value():
            return set()
        case Times(_, value) | NotNegative(value):
            return counters_of(value)
        case BelowNode(_, _, own):
            return counters_of(own)
        case KilledProcesses(first, second):
            return counters_of(first) | counters_of(second)
        case Share(first, second) | PartOfSum(first, second) | Sum(first, second) | Difference(first, second):
            return counters_of(first) | counters_of(second)


def columns_of(formula: Tree) -> set[str]:
    """Return the recorded columns that a formula needs as they are."""
    match formula:
        case ScaledRate():
            return set()
        case Value(column):
            return {column}
        case Times(_, value) | NotNegative(value):
            return columns_of(value)
        case BelowNode(limit, depth, own):
            return {limit, depth} | columns_of(own)
        case KilledProcesses():
            return set()
        case Share(first, second) | PartOfSum(first, second) | Sum(first, second) | Difference(first, second):
            return columns_of(first) | columns_of(second)


def expression(formula: Tree, dialect: Dialect) -> str:  # noqa: C901, PLR0911 - a case for each kind of node
    """Return a formula as SQL. It is a number or null, and safe as an operand."""

    def sql(part: Tree) -> str:
        return expression(part, dialect)

    match formula:
        case Value(column):
            return dialect.name(column)
        case ScaledRate(column, divisor):
            rate = dialect.name(rate_name(column))
            return rate if divisor == 1 else f"({rate} / {_number(divisor)})"
        case Times(factor, value):
            return f"({_number(factor)} * {sql(value)})"
        case Share(part, whole):
            return f"CASE WHEN {sql(whole)} > 0 THEN {sql(part)} / CAST({sql(whole)} AS {dialect.types[2]}) END"
        case PartOfSum(part, rest):
            return sql(Share(part, Sum(part, rest)))
        case Sum(first, second):
            return f"({sql(first)} + {sql(second)})"
        case Difference(whole, part):
            return f"({sql(whole)} - {sql(part)})"
        case NotNegative(value):
            return f"CASE WHEN {sql(value)} < 0 THEN 0 ELSE {sql(value)} END"
        case BelowNode(limit, depth, own):
            return f"CASE WHEN {dialect.name(depth)} > 0 THEN {dialect.name(limit)} ELSE {sql(own)} END"
        case KilledProcesses(kills, group_kills):
            killed, twice = sql(kills), f"coalesce({sql(group_kills)}, 0)"
            return (
                f"CASE WHEN {killed} >= 2 * {twice} THEN {killed} - {twice}"
                f" WHEN {killed} < {twice} THEN {killed} WHEN {killed} >= {twice} THEN {twice} END"
            )


def _number(value: float) -> str:
    """Return a literal that every dialect takes for a number of 64 bits, and none for a decimal."""
    return f"{value:g}E0" if "e" not in f"{value:g}" else f"{value:.0f}E0"
