"""The error that all parsers raise."""


class ParseError(ValueError):
    """Raised if a line that a parser reads is malformed.

    `file`: kind of kernel file, such as `cpu.stat`; a parser gets no path. `line`: the malformed text. `expected`: the
    correct form, for the message.
    """

    def __init__(self, file: str, line: bytes, expected: str) -> None:
        self.file = file
        self.line = line
        super().__init__(f"{file}: {expected} expected, got {line[:200]!r}")
