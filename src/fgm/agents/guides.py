"""What an agent reads before it calls tools: the instructions, the resources, and the prompts. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass

from fgm.agents.arguments import Argument, read_arguments
from fgm.agents.spans import TIME_FORM
from fgm.agents.tools.tool import NAMESPACE

INSTRUCTIONS = (
    "Every container of Kubernetes nodes, recorded each second. Read-only. For an incident call what_happened with "
    "its time first: its sentences name the culprit, the metric and the second; then series, processes or events of"
    " that container by its id for proof. what_changed and compare say what is different. find lists containers, "
    "and nodes lists the recorded times. All times are UTC; a time of day is the last one that was recorded. Each "
    "answer says its resolution and what is missing, and ends with a link to the page: give the link to the user. "
    "'nothing' means that nothing was found, not that nothing was recorded: read the notes."
)

GUIDE = """\
# How to investigate with these tools

1. `what_happened` with `time` (a minute) or `from` and `to` (at most an hour). Read the notes: what was not recorded is
   no zero.
2. The first sentence names the culprit. Check it with `series` (its metric, `container` = its id) around the second.
3. "Which process?" is `processes` with `time` just before the second. "Was it killed?" is `events`.
4. "Since when, and what else?" is `what_changed` over the incident; "is it as before the deployment?" is `compare`.
5. Unknown time: `nodes` says what was recorded; `what_happened` with `last=1h` looks at the newest hour.

Facts to keep in mind:

- A quota can run out although the mean is far below the limit: look at `throttle_ratio`, not only at CPU.
- `memory_limit_ratio` uses the smallest limit above a container, which may be that of its pod.
- A neighbour that is named as a cause is evidence, not proof: both began in the same second.
- A restarted container has a new id; `series` with its name returns all lives in the range.
- Strength is the same on all nodes: -log10 of the share of ordinary quarters of an hour that have as much of it.
"""

RESOURCES: Mapping[str, tuple[str, str, str]] = {
    "fgm://guide": ("guide", "How to investigate an incident with these tools", GUIDE),
}
"""For each URI: the name, the description and the text of a resource."""


@dataclass(frozen=True, slots=True)
class GuidedPrompt:
    """A prompt that a user chooses: its name, what it is for, its arguments, and its text with their places."""

    name: str
    summary: str
    arguments: tuple[Argument, ...]
    template: str

    def text(self, sent: Mapping[str, str]) -> str:
        """Return the prompt with its arguments.

        Raises: ArgumentError if one is not known, not allowed, or missing.
        """
        values = read_arguments(self.arguments, sent)
        return self.template.format(**{each.name: values.text(each.name) or "any" for each in self.arguments})


PROMPTS = (
    GuidedPrompt(
        "triage_minute",
        "Find out what went wrong in a minute, with proof",
        (Argument("time", f"The minute: {TIME_FORM}.", is_required=True), NAMESPACE),
        "Something went wrong at {time} (namespace: {namespace}). Call what_happened with this time. Then prove the"
        " first finding with at most three further calls (series of its metric, processes just before it, events). "
        "Answer in five lines: what happened and when (UTC, to the second); which container and process; the cause,"
        " and whether it is proof or evidence; who else was affected; what was not recorded. End with the link that"
        " shows it.",
    ),
    GuidedPrompt(
        "check_deployment",
        "Compare the time after a deployment with the time before it",
        (
            Argument("deployed", f"When it was deployed: {TIME_FORM}.", is_required=True),
            Argument("container", "Words of the names of its containers.", is_required=True),
        ),
        "{container} was deployed at {deployed}. Call what_changed for the 15 minutes from then on with this "
        "container, and what_happened for the same range. Say in five lines what became better, what became worse "
        "(with numbers before and after), and whether anything else on the node changed. End with the links.",
    ),
)
