"""Settings: flags before the environment before defaults, and errors that name them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import click
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from scorelens_runtime.errors import SettingError
from scorelens_runtime.settings import choice, duration, options, ratio, read, setting, size, whole, yes_no


@dataclass(frozen=True)
class ExampleSettings:
    """Settings of a component called example."""

    max_documents: int = setting("1000", "Most documents in one request.", whole(1))
    wait: float = setting("5s", "How long to wait.", duration)
    title: str = setting("", "What to show.", str, flag="--name", variable="EXAMPLE_TITLE")


def run(*arguments: str, **environment: str) -> Any:
    """Run a command that takes these settings; return them, or the error."""

    @click.command()
    @options(ExampleSettings, "example")
    def command(settings: ExampleSettings) -> ExampleSettings:
        return settings

    result = CliRunner().invoke(command, arguments, env=environment, standalone_mode=False)
    return result.exception or result.return_value


def test_defaults_hold_without_anything() -> None:
    """Nothing given is the declared defaults, by command line and in code alike."""
    assert run() == ExampleSettings() == ExampleSettings(1000, 5.0, "")


def test_a_flag_wins_over_the_environment() -> None:
    """The environment replaces a default, and a flag replaces both."""
    environment = {"SCORELENS_EXAMPLE_MAX_DOCUMENTS": "7", "SCORELENS_EXAMPLE_WAIT": "1m", "EXAMPLE_TITLE": "x"}
    assert run(**environment) == ExampleSettings(7, 60.0, "x")
    assert run("--max-documents", "8", "--name", "y", **environment) == ExampleSettings(8, 60.0, "y")


def test_a_wrong_value_names_flag_and_variable() -> None:
    """The error tells both names and what was wrong, wherever the value came from."""
    expected = "setting --max-documents (SCORELENS_EXAMPLE_MAX_DOCUMENTS): '0' is not a whole number from 1"
    for error in (run("--max-documents", "0"), run(SCORELENS_EXAMPLE_MAX_DOCUMENTS="0")):
        assert isinstance(error, SettingError)
        assert str(error) == expected
    with pytest.raises(SettingError, match=r"--name \(EXAMPLE_TITLE\)|--wait"):
        read(ExampleSettings, "example", {"wait": "soon"})


def test_help_names_every_flag_and_default() -> None:
    """The help has each flag with what it does and its default."""

    @click.command()
    @options(ExampleSettings, "example")
    def command(settings: ExampleSettings) -> None: ...

    text = " ".join(CliRunner().invoke(command, ["--help"]).output.split())
    assert "--max-documents VALUE Most documents in one request. [default: 1000]" in text
    assert "--name VALUE What to show. [default: none]" in text


@pytest.mark.parametrize(
    ("text", "expected"),
    [("0", 0), ("12", 12), ("1KB", 1000), ("1KiB", 1024), ("1.5MiB", 1572864), ("2 gib", 2**31), ("3b", 3)],
)
def test_sizes(text: str, expected: int) -> None:
    """Sizes have decimal and binary units."""
    assert size(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"), [("1ms", 0.001), ("0.5s", 0.5), ("2m", 120), ("1h", 3600), ("7d", 604800)]
)
def test_durations(text: str, expected: float) -> None:
    """Durations are in seconds."""
    assert math.isclose(duration(text), expected)


@pytest.mark.parametrize(
    ("text", "expected"), [("yes", True), ("True", True), ("1", True), ("off", False), ("NO", False)]
)
def test_yes_and_no(text: str, expected: bool) -> None:
    """The usual words for yes and no are read."""
    assert yes_no(text) is expected


@pytest.mark.parametrize(
    ("parse", "text"),
    [
        (size, "1XB"),
        (size, "-1"),
        (size, ""),
        (duration, "5"),
        (duration, "s"),
        (duration, "1w"),
        (ratio, "0"),
        (ratio, "1.01"),
        (ratio, "nan"),
        (ratio, "half"),
        (whole(1, 5), "6"),
        (whole(1, 5), "1.5"),
        (yes_no, "maybe"),
        (choice("red", "green"), "blue"),
    ],
)
def test_what_cannot_be_read_is_shown(parse: Any, text: str) -> None:
    """The error of each kind of setting repeats what was given."""
    with pytest.raises(SettingError) as error:
        parse(text)
    assert repr(text) in str(error.value)


@given(st.text(max_size=30))
def test_no_text_breaks_a_parser(text: str) -> None:
    """Any text is either read or refused with SettingError."""
    for parse in (size, duration, ratio, yes_no, whole(), choice("a")):
        try:
            parse(text)
        except SettingError:
            continue
