"""What a tool is, and the arguments and notes that several tools share."""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from fgm import iso_time
from fgm.agents.answer import DEFAULT_TOKENS, LEAST_TOKENS, MOST_TOKENS, Answer
from fgm.agents.arguments import Argument, Values, read_arguments
from fgm.agents.links import PageLink, fragment_of
from fgm.agents.nodes import Answers, AskedNode, Nodes
from fgm.agents.quantities import day_and_clock, length
from fgm.agents.spans import Recorded, Span
from fgm.asking.answer_fields import flag, text, whole

NODE = Argument("node", "A node, as the tool nodes names it. Default: all.")
NAMESPACE = Argument("namespace", "Only this namespace.")
POD = Argument("pod", "Only containers with these words in their or their pods' names.")
MAX_REPEATED = 63
"""Maximum length of the name of a node that a link repeats. Names may have 253 characters, and hardly any has 60."""
MAX_TOKENS = Argument(
    "max_tokens",
    "Maximum tokens of the answer.",
    kind="whole",
    least=LEAST_TOKENS,
    most=MOST_TOKENS,
    default=DEFAULT_TOKENS,
)


@dataclass(frozen=True, slots=True)
class Tool:
    """A tool: its name, what it is for, its arguments besides `max_tokens`, and what answers."""

    name: str
    summary: str
    arguments: tuple[Argument, ...]
    respond: Callable[[Nodes, Values], Awaitable[Answer]]

    @property
    def all_arguments(self) -> tuple[Argument, ...]:
        """The arguments, with `max_tokens`."""
        return (*self.arguments, MAX_TOKENS)

    async def call(self, nodes: Nodes, sent: Mapping[str, Any]) -> str:
        """Return the answer to a call, as text.

        Raises: AskError if an argument is wrong, or if no node answers.
        """
        values = read_arguments(self.all_arguments, sent)
        answer = await self.respond(nodes, values)
        links = [await nodes.link(each) for each in answer.links]
        return answer.text(values.whole("max_tokens"), links)


def limit(most: int, default: int) -> Argument:
    """Return the argument for the maximum number of lines."""
    return Argument("limit", "Maximum lines.", kind="whole", least=1, most=most, default=default)


def filters_of(values: Values) -> dict[str, str]:
    """Return the parameters of a request for the arguments `namespace` and `pod`."""
    named = {"namespace": values.text("namespace").replace(",", "%2C"), "search": values.text("pod")}
    return {name: value for name, value in named.items() if value}


def of_nodes(answers: Answers[Any]) -> str:
    """Return the end of a summary: which nodes have answered."""
    names = [node.name for node, _ in answers.nodes]
    asked = len(names) + len(answers.failures)
    if asked == 1:
        return f" on {names[0]}"
    return (
        f" on {', '.join(names)}" if len(names) <= 3 and asked == len(names) else f" on {len(names)} of {asked} nodes"
    )


def prefix_of(node_name: str, answers: Answers[Any]) -> str:
    """Return the begin of a line: the name of the node, if several were asked."""
    return f"{node_name}: " if len(answers.nodes) + len(answers.failures) > 1 else ""


def link_to(node: AskedNode, span: Span | None = None, at_ms: int | None = None, **shown: Any) -> PageLink:
    """Return a link to a node's page, at a range. In a cluster it says what opens it later."""
    fragment = "" if span is None else fragment_of(span.from_ms, span.to_ms, at_ms=at_ms, **shown)
    if not node.source.opened_by or len(node.name) > MAX_REPEATED:
        return PageLink(node.source, fragment)
    begin_ms = at_ms if at_ms is not None or span is None else span.from_ms
    at = "" if begin_ms is None else f" {iso_time.format_seconds(begin_ms)}"
    return PageLink(node.source, fragment, f" (when fgm mcp has ended: {node.source.opened_by}{at})")


@dataclass(frozen=True, slots=True)
class Reading:
    """How a viewer has read its data for an answer. `resolution`: "" if the answer does not say it."""

    resolution: str = ""
    partial: bool = False
    skipped_files: int = 0


def reading_of(body: Any) -> Reading:
    """Return how a viewer has read its data, from its answer.

    Raises: FormError if the answer has another form.
    """
    resolution = text(body, "resolution") if "resolution" in body else ""
    return Reading(resolution, flag(body, "partial"), whole(body, "skipped_files"))


def notes_of(
    answers: Answers[Any],
    span: Span,
    recorded: Recorded,
    readings: Iterable[Reading] = (),
    *,
    resolution: str = "",
) -> list[str]:
    """Return notes about the resolution of answers, and about what they lack. `resolution`: if it is another one."""
    readings, every = list(readings), length(recorded.interval_ms)
    resolutions = {each.resolution for each in readings}
    if not resolution:
        resolution = f"a sample each {every}"
        if "minutes" in resolutions:
            resolution = "minimum, mean and maximum of each minute"
        elif "m4" in resolutions:
            resolution += "; the lowest and highest of each part of the range were read"
    notes = [f"resolution: {resolution}", *answers.notes, *recorded.clock_notes]
    if any(each.partial for each in readings):
        notes.append("a part of the range, or of the containers, was left out because it is too much")
    if skipped := max((each.skipped_files for each in readings), default=0):
        notes.append(f"{skipped} files cannot be read; their samples are missing")
    if span.from_ms < recorded.oldest_ms:
        notes.append(f"nothing was recorded before {day_and_clock(recorded.oldest_ms)}")
    if span.to_ms > recorded.end_ms:
        notes.append(f"nothing was recorded after {day_and_clock(recorded.newest_ms)}")
    return notes
