"""Which tags a row has: names in a column, columns of 0 and 1, or rules over numbers."""

from __future__ import annotations

import ast
import json
import operator
import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from scorelens_runtime.errors import SettingError
from scorelens_scorer.training.own.errors import UnteachableError

OPERATORS: Final[Mapping[str, Callable[[Any, Any], bool]]] = {
    "<=": operator.le,
    ">=": operator.ge,
    "!=": operator.ne,
    "==": operator.eq,
    "<": operator.lt,
    ">": operator.gt,
}
NUMBER: Final = r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?"
_ANY: Final = "|".join(map(re.escape, OPERATORS))
_RULE: Final = re.compile(
    rf"\s*(?P<tag>[^=<>!]+?)\s*=\s*(?:(?P<least>{NUMBER})\s*(?P<first><=|<)\s*)?"
    rf"(?P<column>[^=<>!]+?)\s*(?P<op>{_ANY})\s*(?P<value>.+?)\s*"
)
YES: Final = frozenset({"1", "1.0", "true", "yes", "y"})
NO: Final = frozenset({"0", "0.0", "false", "no", "n", ""})
SEPARATORS: Final = ("|", ";")
"""What separates the names in a cell where no separator is named; a comma is part of too many names."""

LONGEST_TAG: Final = 500
_QUOTED: Final = r"""(?:'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")"""
_PRINTED: Final = re.compile(rf"\s*\[\s*{_QUOTED}(?:\s*,?\s*{_QUOTED})*\s*,?\s*\]\s*")
"""A list or an array as Python prints it, which is what pandas writes into CSV."""


@dataclass(frozen=True)
class Rule:
    """A tag that a row has where a column's value is beyond a limit, such as `negative=rating<-0.5`."""

    tag: str
    column: str
    conditions: tuple[tuple[str, float | str], ...]

    def holds(self, value: object) -> bool:
        """Tell whether a value fulfils it. Raises ValueError for a value that is no number where one is needed."""
        return all(self._holds(sign, limit, value) for sign, limit in self.conditions)

    @staticmethod
    def _holds(sign: str, limit: float | str, value: object) -> bool:
        if isinstance(limit, float):
            return OPERATORS[sign](number(value), limit)
        return OPERATORS[sign](_word(value), limit)


@dataclass(frozen=True)
class Names:
    """A column that names tags, or marks with 0 and 1 which rows have the tag that it is called after."""

    column: str


Source = Rule | Names


def parse(texts: Sequence[str]) -> list[Source]:
    """Read what --tags says: columns and rules. Raises SettingError."""
    if not texts:
        raise SettingError("--tags is missing: name the column that has the tags, or a rule such as negative=rating<0")
    return [_parse(text) for text in texts]


def _parse(text: str) -> Source:
    if not re.search(r"=.*[<>=]", text):
        return Names(text)
    rule = _RULE.fullmatch(text)
    if rule is None:
        raise SettingError(
            f"--tags {text!r}: write COLUMN, or a rule such as negative=rating<-0.5, mixed=-1<=rating<=1"
        )
    value: float | str = float(rule["value"]) if re.fullmatch(NUMBER, rule["value"]) else rule["value"]
    if isinstance(value, str) and rule["op"] not in ("==", "!="):
        raise SettingError(f"--tags {text!r}: {value!r} is not a number to compare with")
    conditions: list[tuple[str, float | str]] = [(rule["op"], value)]
    if rule["least"]:
        conditions.append((">" if rule["first"] == "<" else ">=", float(rule["least"])))
    return Rule(rule["tag"], rule["column"], tuple(conditions))


def lookup(values: Mapping[str, Any], column: str) -> Any:
    """Return the value of a column, or of a part of it (`attributes.topic`); None where there is none."""
    if column in values:
        return values[column]
    found: Any = values
    for part in column.split("."):
        if not isinstance(found, Mapping) or part not in found:
            return None
        found = found[part]
    return found


def tags_of(sources: Sequence[Source], cells: Sequence[Sequence[Any]], separator: str | None) -> list[frozenset[str]]:
    """Return the tags of each row, given what each row has for each source.

    `separator` is what separates names in one cell; None finds out, empty means that a cell is one name.
    """
    columns = [[row[place] for row in cells] for place in range(len(sources))]
    read = [_read(source, column, separator) for source, column in zip(sources, columns, strict=True)]
    return [frozenset().union(*row) for row in zip(*read, strict=True)]


def _read(source: Source, column: list[Any], separator: str | None) -> list[frozenset[str]]:
    if isinstance(source, Rule):
        held = {True: frozenset({source.tag}), False: frozenset[str]()}
        return [held[source.holds(value)] for value in column]
    if is_marks(column):
        marked = {True: frozenset({source.column}), False: frozenset[str]()}
        return [marked[_word(value).lower() in YES] for value in column]
    chosen = separator if separator is not None else found_separator(column)
    known: dict[Any, frozenset[str]] = {}
    return [_names(value, chosen, known) for value in column]


def is_marks(column: Iterable[Any]) -> bool:
    """Tell whether a column marks rows with 0 and 1, yes and no, or true and false."""
    words = {_word(value).lower() if isinstance(value, str | int | float | None) else "a list" for value in column}
    return words <= YES | NO and bool(words & YES)


def found_separator(column: Iterable[Any]) -> str:
    """Return the separator that most cells of a column have, or none."""
    counts = Counter(sign for value in column if isinstance(value, str) for sign in SEPARATORS if sign in value)
    return counts.most_common(1)[0][0] if counts else ""


def _names(value: Any, separator: str, known: dict[Any, frozenset[str]]) -> frozenset[str]:
    if isinstance(value, str):
        if value not in known:
            known[value] = frozenset(filter(None, map(str.strip, parts_of(value, separator))))
        return known[value]
    if isinstance(value, Sequence):
        return frozenset(filter(None, (_word(part) for part in value)))
    return frozenset(filter(None, (_word(value),)))


def parts_of(value: str, separator: str) -> list[str]:
    """Return the names in a cell: those of a list, as JSON or as Python prints it, or those between separators."""
    if value.lstrip().startswith("["):
        try:
            found = json.loads(value)
        except ValueError:
            found = None
        if isinstance(found, list):
            return [_word(part) for part in found]
        if _PRINTED.fullmatch(value):
            return [str(ast.literal_eval(part)).strip() for part in re.findall(_QUOTED, value)]
    return value.split(separator) if separator else [value]


def check(source: Source, value: Any) -> None:
    """Raise ValueError for a value that cannot say which tags a row has."""
    if isinstance(source, Rule):
        if value is None or value == "":
            raise ValueError("is empty, and a rule needs a value")
        source.holds(value)
        return
    if isinstance(value, Mapping) and value:
        raise ValueError(f"must be a tag or a list of tags; a part of it is named {source.column}.{next(iter(value))}")
    for name in value if isinstance(value, list | tuple) else (value,):
        if isinstance(name, Mapping | list | tuple):
            raise ValueError("must be a tag or a list of tags")  # noqa: TRY004
        if isinstance(name, str):
            _check_name(name)


def _check_name(name: str) -> None:
    if not name.isascii():
        try:
            name.encode()
        except UnicodeEncodeError:
            raise ValueError("holds half a character (a lone surrogate)") from None


def checked_names(tags: Iterable[str]) -> None:
    """Raise UnteachableError where a tag has a name that is too long to be one."""
    for tag in tags:
        if len(tag) > LONGEST_TAG:
            raise UnteachableError(
                f"--tags: {tag[:60]!r}… has {len(tag):,} characters, too many for the name of a tag: is it the right "
                "column, and the right --separator?"
            )


def number(value: object) -> float:
    """Read a number. Raises ValueError."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise ValueError("is not a number")  # noqa: TRY004 - callers tell of a value, not of a type
    try:
        found = float(value)
    except (ValueError, OverflowError):
        raise ValueError(f"is not a number: {str(value)[:40]!r}") from None
    if found != found:
        raise ValueError("is not a number")
    return found


def _word(value: object) -> str:
    match value:
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case float() if value.is_integer():
            return str(int(value))
        case _:
            return str(value).strip()
