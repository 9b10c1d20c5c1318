"""What goes wrong in a parser."""


class ParseError(ValueError):
    """Raised when a line that a parser knows does not have its form.

    `file` is the kind of kernel file (such as `cpu.stat`; a parser knows no path), `line` the offending text.
    """

    def __init__(self, file: str, line: bytes, expected: str) -> None:
        self.file = file
        self.line = line
        super().__init__(f"{file}: {expected} expected, got {line[:200]!r}")
