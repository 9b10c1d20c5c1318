"""What a tool is, and the arguments and notes that several tools share."""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from fgm import iso_time
from fgm.agents.answer import DEFAULT_TOKENS, LEAST_TOKENS, MOST_TOKENS, Answer
from fgm.agents.arguments import Argument, Values, read_arguments
from fgm.agents.links import PageLink, fragment_of
from fgm.agents.nodes import Answers, AskedNode, Nodes, is_of_cluster
from fgm.agents.quantities import day_and_clock, length
from fgm.agents.spans import Recorded, Span

NODE = Argument("node", "A node, as the tool nodes names it. Default: all.")
NAMESPACE = Argument("namespace", "Only this namespace.")
POD = Argument("pod", "Only containers with these words in their or their pods' names.")
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
    if not is_of_cluster(node.source):
        return PageLink(node.source, fragment)
    begin_ms = at_ms if at_ms is not None or span is None else span.from_ms
    at = "" if begin_ms is None else f" {iso_time.format_seconds(begin_ms)}"
    return PageLink(node.source, fragment, f" (when fgm mcp has ended: fgm open {node.name}{at})")


def range_notes(span: Span, recorded: Recorded, bodies: Iterable[Mapping[str, Any]]) -> list[str]:
    """Return notes about the resolution of answers of viewers, and about what they lack."""
    notes = []
    every = length(recorded.interval_ms)
    resolutions = {body["resolution"] for body in bodies if "resolution" in body}
    if resolutions & {"minutes"}:
        notes.append("resolution: minimum, mean and maximum of each minute")
    elif resolutions & {"m4"}:
        notes.append(f"resolution: a sample each {every}; the lowest and highest of each part of the range were read")
    else:
        notes.append(f"resolution: a sample each {every}")
    if any(body.get("partial") for body in bodies):
        notes.append("a part of the range, or of the containers, was left out because it is too much")
    skipped = max((body.get("skipped_files", 0) for body in bodies), default=0)
    if skipped:
        notes.append(f"{skipped} files cannot be read; their samples are missing")
    if span.from_ms < recorded.oldest_ms:
        notes.append(f"nothing was recorded before {day_and_clock(recorded.oldest_ms)}")
    if span.to_ms > recorded.end_ms:
        notes.append(f"nothing was recorded after {day_and_clock(recorded.newest_ms)}")
    return notes
