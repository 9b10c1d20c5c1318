"""The error of all parsers."""


class ParseError(ValueError):
    """Raised if a line that a parser reads does not have its form.

    `file` is the kind of kernel file, such as `cpu.stat`: a parser knows no paths. `line` is the malformed text.
    """

    def __init__(self, file: str, line: bytes, expected: str) -> None:
        self.file = file
        self.line = line
        super().__init__(f"{file}: {expected} expected, got {line[:200]!r}")
