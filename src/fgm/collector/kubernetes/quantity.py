"""Parsing of Kubernetes quantities, such as 500m, 1Gi, 1.5 or 2e9."""

import math
import re

_QUANTITY = re.compile(
    r"([+-]?(?:\d{1,32}(?:\.\d{0,32})?|\.\d{1,32}))(?:[eE]([+-]?\d{1,2})|([numkMGTPE]|[KMGTPE]i)?)", re.ASCII
)
_FACTORS = {
    "n": 1e-9,
    "u": 1e-6,
    "m": 1e-3,
    "": 1.0,
    **{suffix: 1000.0**power for power, suffix in enumerate("kMGTPE", 1)},
    **{f"{suffix}i": 1024.0**power for power, suffix in enumerate("KMGTPE", 1)},
}


def quantity(text: object) -> float | None:
    """Return a quantity as a number, such as 0.5 for `500m`; None if it is malformed.

    Source: https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/quantity/
    """
    match = _QUANTITY.fullmatch(str(text)) if isinstance(text, str | int | float) else None
    if match is None:
        return None
    digits, exponent, suffix = match.groups()
    value = float(digits) * (10.0 ** int(exponent) if exponent else _FACTORS[suffix or ""])
    return value if math.isfinite(value) else None
