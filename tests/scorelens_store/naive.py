"""What a query means, said a second time: a slow evaluator over plain records, with nothing of a store in it."""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from fnmatch import translate
from itertools import pairwise, product
from re import compile as compile_pattern
from typing import Any as AnyValue

from scipy.stats import chi2_contingency

from scorelens_store.contract import Sort
from scorelens_store.fields import Field, Type, find_field
from scorelens_store.query import tree
from scorelens_store.query.analysis import analyse


def matches(node: tree.Node, record: dict[str, AnyValue]) -> bool:
    """Tell whether a record matches a query."""
    match node:
        case tree.Everything():
            return True
        case tree.Nothing():
            return False
        case tree.All(parts):
            return all(matches(part, record) for part in parts)
        case tree.Any(parts):
            return any(matches(part, record) for part in parts)
        case tree.Not(part):
            return not matches(part, record)
        case tree.Boost(part):
            return matches(part, record)
        case tree.Exists(field):
            return bool(values(field, record))
        case tree.Phrase(field, words, slop):
            return any(_has_phrase([t.word for t in analyse(text)], words, slop) for text in values(field, record))
        case tree.Equals(field, value):
            return any(term == _normal(field, value) for term in terms(field, record))
        case tree.Range():
            return any(_within(term, node) for term in terms(node.field, record))
        case tree.Wildcard(field, pattern):
            expression = compile_pattern(_expression(pattern))
            return any(expression.match(str(term)) for term in terms(field, record))
        case tree.Fuzzy(field, word, distance):
            return any(_distance(str(term), word) <= distance for term in terms(field, record))
    raise AssertionError(node)


def values(field: Field, record: dict[str, AnyValue]) -> list[AnyValue]:
    """Return the values of a field as the record holds them."""
    return list(_walk(record, field.name))


def terms(field: Field, record: dict[str, AnyValue]) -> list[AnyValue]:
    """Return the values of a field as they are compared."""
    found = values(field, record)
    if field.type is Type.TEXT:
        return [token.word for text in found for token in analyse(text)]
    return [_normal(field, value) for value in found]


def significant_words(
    records: Sequence[dict[str, AnyValue]], mine: tree.Node, against: tree.Node, fields: Sequence[Field]
) -> list[tuple[str, int, int, float]]:
    """Return every word that marks the records of one query against another's, with its counts and its score."""
    here = [_words(record, fields) for record in records if matches(mine, record)]
    there = [_words(record, fields) for record in records if matches(against, record) and not matches(mine, record)]
    if not here or not there:
        return []
    rows = []
    for word in set().union(*here):
        count, others = (sum(word in words for words in side) for side in (here, there))
        share, other_share = count / len(here), (others or 1) / len(there)
        table = [[count, len(here) - count], [others, len(there) - others]]
        if share > other_share and chi2_contingency(table, correction=False, lambda_="log-likelihood").pvalue < 0.001:
            rows.append((word, count, others, (share - other_share) * (share / other_share)))
    return sorted(rows, key=lambda row: (-row[3], row[0]))


def _words(record: dict[str, AnyValue], fields: Sequence[Field]) -> set[str]:
    return {str(term) for field in fields for term in terms(field, record)}


def ordered(records: list[dict[str, AnyValue]], sort: Sort) -> list[str]:
    """Return the ids of records as the contract orders them."""
    field = find_field(sort.field or "@timestamp")
    assert field is not None
    rows = sorted(records, key=lambda record: str(record["record"]["id"]))
    rows.sort(key=lambda record: datetime.fromisoformat(record["@timestamp"]), reverse=sort.descending)
    present = [record for record in rows if terms(field, record)]
    present.sort(key=lambda record: terms(field, record)[0], reverse=sort.descending)
    return [record["record"]["id"] for record in [*present, *(record for record in rows if not terms(field, record))]]


def _walk(value: AnyValue, name: str) -> Iterator[AnyValue]:
    if isinstance(value, dict):
        for key, part in value.items():
            if key == name:
                yield from (each for each in (part if isinstance(part, list) else [part]) if each is not None)
            elif name.startswith(key + "."):
                yield from _walk(part, name.removeprefix(key + "."))


def _normal(field: Field, value: AnyValue) -> AnyValue:
    if field.type is Type.FLOAT:
        return struct.unpack("f", struct.pack("f", value))[0]
    if field.type is Type.DATE:
        moment = value if isinstance(value, datetime) else datetime.fromisoformat(value)
        return moment.astimezone(UTC)
    if field.type is Type.KEYWORD and not isinstance(value, str):
        return json.dumps(value)
    return value


def _within(term: AnyValue, node: tree.Range) -> bool:
    low, high = (None if bound is None else _normal(node.field, bound) for bound in (node.low, node.high))
    above = low is None or term > low or (node.with_low and term == low)
    below = high is None or term < high or (node.with_high and term == high)
    return above and below


def _has_phrase(text: list[str], words: tuple[str, ...], slop: int) -> bool:
    places = [[at for at, word in enumerate(text) if word == wanted] for wanted in words]
    return any(
        all(first < second for first, second in pairwise(way)) and way[-1] - way[0] < len(way) + slop
        for way in product(*places)
    )


def _expression(pattern: str) -> str:
    # fnmatch knows * and ?; whatever else it knows is put into a class of one character.
    plain, escaped = "", False
    for sign in pattern:
        if escaped or sign not in "*?\\":
            plain += f"[{sign}]" if sign in "*?[" else sign
            escaped = False
        elif sign == "\\":
            escaped = True
        else:
            plain += sign
    return translate(plain)


def _distance(first: str, second: str) -> int:
    """Count edits by trying them all: optimal string alignment."""
    known: dict[tuple[int, int], int] = {}

    def of(i: int, j: int) -> int:
        if not i or not j:
            return i + j
        if (i, j) not in known:
            swapped = i > 1 and j > 1 and first[i - 1] == second[j - 2] and first[i - 2] == second[j - 1]
            known[i, j] = min(
                of(i - 1, j) + 1,
                of(i, j - 1) + 1,
                of(i - 1, j - 1) + (first[i - 1] != second[j - 1]),
                of(i - 2, j - 2) + 1 if swapped else i + j,
            )
        return known[i, j]

    return of(len(first), len(second))
