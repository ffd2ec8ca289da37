"""Which documents, customers and records a person names."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from scorelens_runtime.errors import SettingError

KINDS = ("document", "customer", "record")
Ids = Mapping[str, Sequence[str]]
"""Ids by kind, each once."""


def gather(named: Mapping[str, Iterable[str]], files: Mapping[str, Iterable[str]]) -> dict[str, tuple[str, ...]]:
    """Return ids that were named one by one and those of files. Raises SettingError for what is no id."""
    found = {kind: (*named.get(kind, ()), *_of_files(kind, files.get(kind, ()))) for kind in KINDS}
    checked = {kind: tuple(dict.fromkeys(_checked(kind, one) for one in some)) for kind, some in found.items()}
    return checked | {"record": tuple(one.lower() for one in checked["record"])}


def join(*several: Ids) -> dict[str, tuple[str, ...]]:
    """Return all ids of several, each once."""
    return {kind: tuple(dict.fromkeys(one for ids in several for one in ids.get(kind, ()))) for kind in KINDS}


def count(ids: Ids) -> int:
    """Return how many ids there are."""
    return sum(len(some) for some in ids.values())


def _of_files(kind: str, names: Iterable[str]) -> Iterator[str]:
    for name in names:
        for number, line in enumerate(_lines(kind, name), 1):
            if line.startswith('"'):
                yield _quoted(line, f"--{kind}s {name}, line {number}")
            elif line:
                yield line


def _lines(kind: str, name: str) -> list[str]:
    try:
        data = sys.stdin.buffer.read() if name == "-" else Path(name).expanduser().read_bytes()
        return data.decode("utf-8-sig").replace("\r\n", "\n").split("\n")
    except OSError as error:
        raise SettingError(f"--{kind}s: {name} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise SettingError(f"--{kind}s: {name} is not UTF-8 at byte {error.start}") from error


def _quoted(line: str, where: str) -> str:
    try:
        read = json.loads(line)
    except ValueError:
        read = None
    if not isinstance(read, str):
        raise SettingError(f"{where}: a line that begins with a quotation mark is a JSON string, and this one is not")
    return read


def _checked(kind: str, one: str) -> str:
    if not one:
        raise SettingError(f"--{kind}: an id is empty; that would mean everything that has none")
    try:
        one.encode()
    except UnicodeEncodeError as error:
        raise SettingError(
            f"--{kind}: {one.encode('utf-8', 'replace').decode()!r} is not Unicode, as ids are"
        ) from error
    return one
