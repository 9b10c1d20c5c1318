"""Sentences: what each finding means in words, with names, numbers and units, and the time in UTC.

A sentence leaves out what a detector could not find out. It says what was measured; a cause that is only likely is
called evidence.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from fgm.viewer.findings.finding import Finding, Kind
from fgm.viewer.findings.wording import (
    amount,
    clock,
    from_to,
    growth,
    names,
    number,
    of_bytes,
    percent,
    quantity,
    seconds,
    times,
    title,
)

MAX_FORECAST_S = 7 * 86_400
"""Maximum time until a limit is reached that is worth saying."""
RESOURCES = {"cpu": "processors", "memory": "memory", "io": "I/O"}


class Said(NamedTuple):
    """A finding with the names of its series."""

    finding: Finding
    name: str
    others: Sequence[str]

    @property
    def since(self) -> str:
        """When it began."""
        return clock(self.finding.from_ms)

    @property
    def until(self) -> str:
        """When it ended, or was last seen."""
        return clock(self.finding.to_ms)

    @property
    def lasted_s(self) -> float:
        """How long it lasted."""
        return (self.finding.to_ms - self.finding.from_ms) / 1000

    def has(self, *facts: str) -> bool:
        """Return whether the detector found out all of these facts."""
        return all(fact in self.finding.facts for fact in facts)

    def number(self, fact: str, default: float = 0.0) -> float:
        """Return a fact that is a number."""
        value = self.finding.facts.get(fact, default)
        return default if isinstance(value, str) else value

    def value(self, fact: str) -> str:
        """Return a fact that is a value of the finding's metric, with its unit."""
        return quantity(self.number(fact), self.finding.metric)

    def text(self, fact: str) -> str:
        """Return a fact that is a text; "" without it."""
        return str(self.finding.facts.get(fact, ""))

    @property
    def owner(self) -> str:
        """Whose the limit is, in front of the word "limit"."""
        return self.text("limit_of").replace("its own", "its") or "its"


def sentence_of(finding: Finding, name: str, others: Sequence[str]) -> str:
    """Return the sentence of a finding. `name`, `others`: display names of its series, and of the other ones."""
    return _SENTENCES[finding.kind](Said(finding, name, others))


def _oom_kill(said: Said) -> str:
    at = clock(said.number("killed_ms", said.finding.from_ms))
    if said.text("counted_by") == "node":
        return _counted_by_node(said, at)
    limit = f"{said.owner} limit" + (f" of {of_bytes(said.number('limit_bytes'))}" if said.has("limit_bytes") else "")
    rise = ""
    if said.number("rise_bytes") > 0 and said.finding.from_ms // 1000 < said.number("killed_ms") // 1000:
        rate = f", {growth(said.number('rise_bytes_per_s'), 'bytes')}," if said.has("rise_bytes_per_s") else ""
        rise = f"grew by {of_bytes(said.number('rise_bytes'))} from {said.since} on{rate}"
    victims = said.others[: round(said.number("victims"))]
    if victims:
        verb = "were" if len(victims) > 1 else "was"
        why = f"{rise.rstrip(',')} and" if rise else "held most memory when"
        return f"{names(victims)} {verb} OOM-killed at {at}: {said.name} {why} {limit} was reached."
    again = f" ({times(said.number('kills'))} in this range)" if said.number("kills") > 1 else ""
    before = f": it {rise} until it reached {limit}" if rise else f" at {limit}"
    return f"{said.name} was OOM-killed at {at}{again}{before}."


def _counted_by_node(said: Said, at: str) -> str:
    process, count = said.text("process"), said.number("killed", 1)
    name = f" ({process})" if process else ""
    if count > 1:
        killed = f"{number(count)} processes were OOM-killed on {said.name}, the first{name} at {at}"
    else:
        killed = f"A process{name} was OOM-killed on {said.name} at {at}"
    return f"{killed}; no container or service was seen to count it."


def _restarts(said: Said) -> str:
    reason = said.text("last_reason")
    code = f"exit code {number(said.number('exit_code'))}" if said.has("exit_code") else ""
    last = ", ".join(part for part in (reason, code) if part)
    lived = f", lives {seconds(said.number('lived_s'))} each time" if said.has("lived_s") else ""
    ends = f"; the last exit: {last}" if last else ""
    return f"{said.name} restarts again and again: {times(said.number('restarts'))} from {said.since} on{lived}{ends}."


def _leak(said: Said) -> str:
    unit = next((unit for unit in ("bytes", "threads", "fds") if said.has(f"grown_{unit}")), "bytes")
    what = {"bytes": title(said.finding.metric), "threads": "threads", "fds": "open files"}[unit]
    grown, slope = amount(said.number(f"grown_{unit}"), unit), growth(said.number(f"slope_{unit}_per_s"), unit)
    began = "since before this range" if said.text("began") == "before" else f"from {said.since} on"
    if said.has(f"given_back_{unit}"):
        back = amount(said.number(f"given_back_{unit}"), unit)
        return f"{said.name} kept taking {what}: {grown} more {began}, {slope}; it gave {back} back at {said.until}."
    if said.text("ended") == "exit":
        return f"{said.name} kept taking {what} until it ended at {said.until}: {grown} more {began}, {slope}."
    return f"{said.name} keeps taking {what}: {grown} more {began}, {slope}{_forecast(said, unit)}."


def _forecast(said: Said, unit: str) -> str:
    """Return when a limit is reached, in words; "" if there is none, or not soon."""
    limit = "limit_threads" if unit == "threads" else "limit_bytes"
    if not said.has(limit):
        return ", and it has no limit" if unit == "bytes" else ""
    of = f"{said.owner} limit of {amount(said.number(limit), unit)}"
    likely = said.number("reaches_limit_in_s", MAX_FORECAST_S)
    if likely >= MAX_FORECAST_S:
        return f"; {of} is far"
    low, high = (said.number(f"reaches_limit_in_s_{end}", -1) for end in ("low", "high"))
    if low >= 0 and 0 <= high < 10 * max(likely, 1):
        return f"; it reaches {of} in {from_to(low, high)}"
    return f"; it reaches {of} in about {seconds(likely)}, which is not sure"


def _limit(said: Said) -> str:
    length = seconds(said.number("seconds", said.lasted_s))
    match said.text("limit"):
        case "cpu.max":
            share, lost = percent(said.number("throttled_percent")), number(said.number("lost_ms_per_s"))
            at = f"its CPU limit of {number(said.number('limit_millicores'))} millicores"
            at = at if said.owner == "its" else at.replace("its", said.owner, 1)
            effect = f"{share} of its periods throttled, {lost} ms/s lost"
            return f"{said.name} was at {at} for {length} from {said.since} on: {effect}."
        case "pids.max":
            count = f" of {number(said.number('limit_threads'))}" if said.has("limit_threads") else " of"
            failed = times(said.number("times_at_limit"))
            at = f"{said.owner} limit{count} threads"
            return f"{said.name} was at {at} from {said.since} on: starting one failed {failed}."
        case limit:
            bound = of_bytes(said.number("limit_bytes"))
            waited, usual = percent(said.number("waited_percent")), percent(said.number("usual_waited_percent"))
            effect = (
                f": it waited for memory {waited} of the time, usually {usual}" if said.has("waited_percent") else ""
            )
            return f"{said.name} was at {said.owner} {limit} of {bound} for {length} from {said.since} on{effect}."


def _throttling(said: Said) -> str:
    share = percent(said.number("throttled_percent"))
    use = percent(said.number("mean_use_percent_of_quota"))
    quota = f"{number(said.number('quota_millicores'))} millicores"
    although = f", although it used only {use} of its limit of {quota}" if said.has("mean_use_percent_of_quota") else ""
    length = seconds(said.number("seconds", said.lasted_s))
    lost = f"; {number(said.number('lost_ms_per_s'))} ms/s lost" if said.has("lost_ms_per_s") else ""
    return f"{said.name} was throttled in {share} of its periods for {length} from {said.since} on{although}{lost}."


def _neighbour(said: Said) -> str:
    resource = RESOURCES.get(said.text("resource"), said.text("resource"))
    rise = f"{said.value('rise')} more than usual" if said.has("rise") else "more than usual"
    waited = f"{percent(said.number('victim_waited_percent'))} of the time"
    more = f", {names(said.others[1:])} too," if len(said.others) > 1 else ""
    victim = said.others[0] if said.others else "others"
    return (
        f"{victim} waited for {resource} {waited}{more} while {said.name} used {rise} from {said.since} on: "
        "evidence that it is the cause, not proof."
    )


def _paging(said: Said) -> str:
    words = {
        "swapped_pages_per_s": "swapped {} pages per s",
        "swapped_in_again_pages_per_s": "swapped {} pages per s in again",
        "major_faults_per_s": "had {} major page faults per s, each of which waits for a disk,",
        "minor_faults_per_s": "had {} page faults per s",
    }
    fact = next((fact for fact in words if said.has(fact)), "minor_faults_per_s")
    what = words[fact].format(number(said.number(fact)))
    usual = f", at most {number(said.number(f'usual_{fact}'))} before" if said.has(f"usual_{fact}") else ""
    waited = said.number("memory_pressure_ratio")
    pressure = f"; it waited for memory {percent(100 * waited)} of the time" if waited >= 0.01 else ""
    length = seconds(said.number("duration_s", said.lasted_s))
    return f"{said.name} {what} for {length} from {said.since} on{usual}{pressure}."


def _step(said: Said) -> str:
    verb = "rose" if said.number("after") >= said.number("before") else "fell"
    levels = f"from {said.value('before')} to {said.value('after')}"
    return f"{said.name}: {title(said.finding.metric)} {verb} {levels} at {said.since} and stayed there."


def _burst(said: Said) -> str:
    count, what = said.number("count", 1), title(said.finding.metric)
    length, usual = seconds(said.number("length_s", said.lasted_s)), said.value("usual_high")
    if count > 1:
        spacing = f" about every {seconds(said.number('spacing_s'))}" if said.has("spacing_s") else ""
        return (
            f"{said.name}: {what} burst {times(count)}{spacing} from {said.since} on, up to {said.value('peak')} for "
            f"{length}; usually at most {usual}."
        )
    return (
        f"{said.name}: {what} burst up to {said.value('peak')} for {length} at {said.since}; usually at most {usual}."
    )


def _stall(said: Said) -> str:
    count, what = said.number("count", 1), title(said.finding.metric)
    length = seconds(said.number("longest_s", said.lasted_s))
    usual, lowest = said.value("usual"), said.value("lowest")
    if count > 1:
        spacing = f", about every {seconds(said.number('spacing_s'))}" if said.has("spacing_s") else ""
        return (
            f"{said.name} stalled {times(count)} from {said.since} on{spacing}, for up to {length}: "
            f"{what} fell to {lowest}; usually {usual}."
        )
    return f"{said.name} stalled for {length} at {said.since}: {what} fell to {lowest}; usually {usual}."


def _period(said: Said) -> str:
    levels = f"from {said.value('base')} to {said.value('peak')}"
    length = f" for {seconds(said.number('length_s'))}" if said.has("length_s") else ""
    with_others = (
        f"; {names(said.others)} {'have' if len(said.others) > 1 else 'has'} the same beat" if said.others else ""
    )
    every = seconds(said.number("period_s"))
    return (
        f"{said.name} beats every {every} from {said.since} on: {title(said.finding.metric)} goes {levels}{length}"
        f"{with_others}."
    )


def _doubtful(said: Said) -> str:
    match said.text("cause"):
        case "gap":
            return f"Data of {said.name} is missing at {said.since}: {said.text('what')}."
        case "clock_step":
            return (
                f"The clock of {said.name} was set at {said.since}: {said.text('what')}; times around it are doubtful."
            )
        case "missed_ticks":
            count = number(said.number("count"))
            return (
                f"The collector on {said.name} missed {count} ticks from {said.since} on: short peaks may be missing."
            )
        case _:
            longest = seconds(said.number("longest_ms") / 1000)
            return f"Reading took the collector on {said.name} up to {longest} from {said.since} on: values are late."


_SENTENCES: dict[Kind, Callable[[Said], str]] = {
    "oom_kill": _oom_kill,
    "limit": _limit,
    "throttling": _throttling,
    "leak": _leak,
    "paging": _paging,
    "step": _step,
    "burst": _burst,
    "stall": _stall,
    "period": _period,
    "restarts": _restarts,
    "neighbour": _neighbour,
    "doubtful": _doubtful,
}
