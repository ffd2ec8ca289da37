"""Reading and following the calculation log."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path

from scorelens_client.calculation_log import LogReader


def write(path: Path, *lines: str, end: str = "\n") -> None:
    """Append lines as the sidecar does."""
    with path.open("a") as file:
        file.write("\n".join(lines) + end)


def rotate(path: Path) -> None:
    """Move every part on by one, as the sidecar does."""
    for number in (2, 1, 0):
        old = path.with_name(f"{path.name}.{number}") if number else path
        if old.exists():
            old.rename(path.with_name(f"{path.name}.{number + 1}"))


def write_and_rotate(path: Path, *lines: str) -> None:
    """Append the last lines of a part."""
    if lines:
        write(path, *lines)
    rotate(path)


def text(lines: Iterator[bytes]) -> list[str]:
    """Return lines as text."""
    return [line.decode().strip() for line in lines]


def test_a_log_is_read_through_its_rotated_parts(tmp_path: Path) -> None:
    """The oldest part comes first, and a line that is being written is left for later."""
    path = tmp_path / "log.jsonl"
    for name in ("1", "2", "3"):
        write(path, name)
        rotate(path)
    write(path, "4")
    write(path, "5", end="")
    with LogReader(path) as reader:
        assert text(reader.there()) == ["1", "2", "3", "4"]


def test_following_goes_through_a_rotation_without_loss(tmp_path: Path) -> None:
    """Lines written before, between and after a rotation arrive once each, in order."""
    path = tmp_path / "log.jsonl"
    write(path, "1")
    steps: Iterator[Callable[[], object]] = iter(
        [
            lambda: write(path, "2"),
            lambda: write(path, "3", end=""),
            lambda: write(path, "", "4"),
            lambda: write_and_rotate(path, "5"),
            lambda: write(path, "6"),
            lambda: write_and_rotate(path),
            lambda: write(path, "7"),
        ]
    )
    with LogReader(path) as reader:
        assert text(reader.there()) == ["1"]
        lines = reader.lines(lambda _: next(steps)())
        assert text(islice(lines, 6)) == ["2", "3", "4", "5", "6", "7"]


def test_a_log_that_is_not_there_yet_is_waited_for(tmp_path: Path) -> None:
    """Following may start before the sidecar has written its first line."""
    path = tmp_path / "log.jsonl"
    with LogReader(path) as reader:
        assert text(reader.there()) == []
        assert text(islice(reader.lines(lambda _: write(path, "1")), 1)) == ["1"]


def test_only_the_end_of_a_large_log_is_read_for_its_latest_lines(tmp_path: Path) -> None:
    """The first line within the window may be cut and is left out."""
    path = tmp_path / "log.jsonl"
    write(path, *(str(number) for number in range(100, 200)))
    with LogReader(path) as reader:
        assert text(reader.latest(window=10)) == ["198", "199"]


def test_the_end_of_a_log_can_be_read_again_from_further_back(tmp_path: Path) -> None:
    """A larger window has the lines of the smaller one and those before; a line that is not whole yet comes later."""
    path = tmp_path / "log.jsonl"
    write(path, "100", "101", "102")
    with path.open("ab") as file:
        file.write(b"103")
    with LogReader(path) as reader:
        assert text(reader.latest(window=9)) == ["102"]
        assert text(reader.latest(window=100)) == ["100", "101", "102"]
        write(path, "")
        assert text(reader.latest(window=100)) == ["100", "101", "102", "103"]
