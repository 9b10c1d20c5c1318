"""Texts of others are printed on a terminal."""

import pytest

from fgm.viewer.commands.printing import print_text


def test_names_cannot_control_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    print_text("1. \x1b[2Jweb\ud800\r\n   Größe → 5 MiB")
    assert capsys.readouterr().out == "1. ?[2Jweb??\n   Größe → 5 MiB\n"
