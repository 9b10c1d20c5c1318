"""Prints texts on a terminal that come from a data directory or from a pack."""

import sys


def print_text(text: str) -> None:
    """Print lines. What is no character that can be seen, such as a control sequence in a name, becomes "?"."""
    shown = "".join(char if char.isprintable() or char == "\n" else "?" for char in text)
    sys.stdout.write(f"{shown}\n")
