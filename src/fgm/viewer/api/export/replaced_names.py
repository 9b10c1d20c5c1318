"""The names in a preview that are replaced in the file."""

from itertools import count
from typing import Any

from fgm.viewer.packs.redaction.redaction import Redaction

MAX_SHOWN = 50
"""Maximum number of replaced names in a preview."""


def some_replaced_names(names: Redaction) -> list[dict[str, Any]]:
    """Return at most `MAX_SHOWN` names with what becomes of them, some of each kind: a node has hundreds of ids."""
    places: dict[str, count[int]] = {}
    replacements = names.replacements()
    place_of = [next(places.setdefault(each.kind, count())) for each in replacements]  # among those of its kind
    chosen = sorted(sorted(range(len(replacements)), key=place_of.__getitem__)[:MAX_SHOWN])
    return [
        {"kind": each.kind, "from": each.name, "to": each.pseudonym} for each in map(replacements.__getitem__, chosen)
    ]
