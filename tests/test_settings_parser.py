"""The fields of a dataclass define flags, environment variables, help texts and checks."""

from dataclasses import dataclass

import pytest

from fgm.settings_parser import (
    SWITCH,
    SettingError,
    choice,
    make_parser,
    number,
    read_settings,
    setting,
    text,
    whole_number,
)


@dataclass(frozen=True)
class Settings:
    without_setting: str
    count: int = setting(3, whole_number(1, 10, unit="s"), "length of a round")
    share: float = setting(0.5, number(0, 1), "share, in %")
    name: str = setting("", text("NAME"), "name of the node", if_absent="the host name", variables=("NODE_NAME",))
    colour: str = setting("red", choice("red", "blue"), "colour of the page", flags=("--color",))
    tag: tuple[str, ...] = setting((), text(), "further tag")
    dry: bool = setting(default=False, kind=SWITCH, purpose="change nothing")


def read(*argv: str, **environment: str) -> dict[str, object]:
    parser = make_parser(Settings, program="test", description="", exit_codes="", reads_environment=True)
    return read_settings(Settings, vars(parser.parse_args(argv)), environment)


def help_text(*, reads_environment: bool) -> str:
    parser = make_parser(
        Settings, program="test", description="A test.", exit_codes="exit codes:", reads_environment=reads_environment
    )
    return " ".join(parser.format_help().split())


def test_a_setting_without_a_value_is_left_out() -> None:
    assert read() == {}
    assert read("--count", "4", "--dry", FGM_SHARE="0.25") == {"count": 4, "share": 0.25, "dry": True}


def test_a_flag_has_priority_over_its_variable_and_that_over_further_variables() -> None:
    assert read("--name", "a", FGM_NAME="b", NODE_NAME="c") == {"name": "a"}
    assert read(FGM_NAME="b", NODE_NAME="c") == {"name": "b"}
    assert read(NODE_NAME="c") == {"name": "c"}
    assert read(FGM_NAME="") == {}


def test_a_tuple_is_set_by_repeated_flags_or_by_one_variable_with_commas() -> None:
    assert read("--tag", "a", "--tag", "b,c") == {"tag": ("a", "b,c")}
    assert read(FGM_TAG="a,b") == {"tag": ("a", "b")}


@pytest.mark.parametrize(
    ("argv", "environment", "message"),
    [
        (["--count", "11"], {}, "--count is '11': give a whole number from 1 to 10"),
        (["--count", "1.5"], {}, "--count is '1.5': give a whole number from 1 to 10"),
        (["--share", "nan"], {}, "--share is 'nan': give a number from 0 to 1"),
        (["--color", "green"], {}, "--colour is 'green': give one of red, blue"),
        (["--name", ""], {}, "--name is empty: leave it out, or give a value"),
        (["--name", "\udcfc"], {}, r"--name is '\udcfc': give text in UTF-8"),
        ([], {"FGM_DRY": "yes"}, "FGM_DRY is 'yes': give one of 1, true, 0, false"),
        ([], {"FGM_TAG": "a,,b"}, "FGM_TAG is empty: leave it out, or give a value"),
    ],
)
def test_the_error_of_a_wrong_value_has_the_value_and_the_allowed_ones(
    argv: list[str], environment: dict[str, str], message: str
) -> None:
    with pytest.raises(SettingError) as raised:
        read(*argv, **environment)

    assert str(raised.value) == message


def test_help_shows_allowed_values_defaults_and_variables() -> None:
    help_ = help_text(reads_environment=True)

    assert "--count S length of a round (1 to 10; default: 3 s; FGM_COUNT)" in help_
    assert "--share NUMBER share, in % (0 to 1; default: 0.5; FGM_SHARE)" in help_
    assert "--name NAME name of the node (default: the host name; FGM_NAME, NODE_NAME)" in help_
    assert "--colour VALUE, --color VALUE colour of the page (red, blue; default: red; FGM_COLOUR)" in help_
    assert "--dry change nothing (FGM_DRY)" in help_
    assert "without" not in help_
    assert help_.endswith("exit codes:")


def test_help_names_no_variable_if_none_is_read() -> None:
    assert "FGM_" not in help_text(reads_environment=False)
