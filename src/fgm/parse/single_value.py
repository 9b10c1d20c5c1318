"""Files that hold one number, such as memory.current, or one limit, such as memory.max."""

from fgm.parse.errors import ParseError


def number(raw: bytes, file: str) -> int:
    """Return the only number of the file.

    Raises ParseError when there is none.
    """
    try:
        return int(raw)
    except ValueError:
        raise ParseError(file, raw, "one number") from None


def limit(raw: bytes, file: str) -> int | None:
    """Return the limit, or None for "max", which is no limit.

    Raises ParseError when it is neither.
    """
    try:
        return int(raw)
    except ValueError:
        if raw.strip() == b"max":
            return None
        raise ParseError(file, raw, 'one number or "max"') from None
