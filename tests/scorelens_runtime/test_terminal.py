"""Foreign text on a terminal."""

from __future__ import annotations

from scorelens_runtime.terminal import clean


def test_line_ends_of_windows_are_line_ends() -> None:
    """A carriage return before a line feed goes; one that stands alone could overwrite a line and is replaced."""
    assert clean("one\r\ntwo\rthree\x1b[31m") == "one\ntwo\N{REPLACEMENT CHARACTER}three\N{REPLACEMENT CHARACTER}[31m"
