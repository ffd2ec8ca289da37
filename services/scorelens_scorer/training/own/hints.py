"""What in a column of tags looks meant otherwise than it is read, said to whoever trains."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from statistics import median
from typing import Any, Final

from scorelens_scorer.training.own.labels import Names, Source, found_separator, is_marks, number, parts_of

MANY_NUMBERS: Final = 20
SHOWN: Final = 60


def hints(sources: Sequence[Source], cells: Sequence[Sequence[Any]], separator: str | None) -> Iterator[str]:
    """Yield what each option could be meant to be, given what each row has for each source."""
    for place, source in enumerate(sources):
        column = [row[place] for row in cells]
        if not isinstance(source, Names) or is_marks(column):
            continue
        numbers = _numbers(column)
        if len(numbers) > MANY_NUMBERS:
            yield (
                f"--tags {source.column}: {len(numbers):,} different numbers, each read as a tag of its own; a rule "
                f"makes one tag of many, such as --tags 'high={source.column}>={median(numbers):g}'"
            )
        if separator is None and not found_separator(column) and (listed := _listed(column)):
            yield (
                f"--tags {source.column}: {listed[:SHOWN]!r} is read as one tag, like others whose parts are alike; "
                "--separator , reads several tags from each"
            )


def _numbers(column: Sequence[Any]) -> set[float]:
    """Return the numbers of a column that has nothing else."""
    try:
        return {number(value) for value in column if value not in (None, "")}
    except (ValueError, TypeError):
        return set()


def _listed(column: Sequence[Any]) -> str:
    """Return a cell that seems to hold tags between commas: most of those with commas are made of parts of others."""
    cells = dict.fromkeys(value for value in column if isinstance(value, str) and parts_of(value, "") == [value])
    parts = {cell: frozenset(map(str.strip, cell.split(","))) for cell in cells}
    known = Counter(part for own in parts.values() for part in own)
    several = [cell for cell in cells if "," in cell]
    composed = [cell for cell in several if all(known[part] > 1 for part in parts[cell])]
    return composed[0] if composed and 2 * len(composed) >= len(several) else ""
