"""Why a search found nothing: the parts of the query that match no record, and what was probably meant."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any, Final

from scorelens_reading.seen import purposes_of
from scorelens_store.contract import Bucket, Reader, Selection, Sort, Statistics, Terms
from scorelens_store.fields import ALIASES, DEFAULT_FIELDS, FIELDS, OPEN_FIELDS, Field, Type
from scorelens_store.query.tree import All, Boost, Equals, Everything, Exists, Fuzzy, Node, Phrase, Range, Wildcard
from scorelens_store.query.tree import Any as AnyOf

PARTS: Final = 12
VALUES: Final = 5000
SAMPLE: Final = 50
ALL_DIFFERENT: Final = frozenset(
    {"record.id", "trace.id", "span.id", "document.id", "customer.id", "document.source_uri"}
)
"""Fields in which a value that looks like another tells nothing."""
SHORT: Final = {full: short for short, full in ALIASES.items()}

Leaf = Equals | Phrase | Range | Wildcard | Fuzzy | Exists


@dataclass(frozen=True)
class Part:
    """A part of a query that is looked for, and the leaf that describes it."""

    node: Node
    leaf: Leaf

    @property
    def name(self) -> str:
        """Return the field as people write it; empty for words that are looked for in every text."""
        if self.node is not self.leaf:
            return ""
        name = self.leaf.field.name
        if name in SHORT:
            return SHORT[name]
        return name if name in FIELDS else _shown(name)


def why_nothing(reader: Reader, selection: Selection) -> Iterator[str]:
    """Yield a sentence for each part that no record matches or, without any, for what the selection leaves out."""
    parts = list(islice(_parts(selection.query), PARTS))
    guilty = [part for part in parts if not reader.count(_anywhere(reader, part.node))]
    if guilty:
        yield from dict.fromkeys(_explain(reader, part) for part in guilty)
    elif timeless := reader.count(replace(selection, since=None, until=None)):
        yield f"{timeless:,} would match without --since and --until"
    elif unasked := reader.count(_anywhere(reader, selection.query)):
        yield f"{unasked:,} would match with --purpose all --calls"
    elif len(parts) > 1:
        yield "each part of the query matches some record, and none matches all of it"


def _anywhere(reader: Reader, query: Node) -> Selection:
    purposes = purposes_of(reader)
    return Selection(query, purposes=purposes, calls=not purposes)


def _parts(node: Node) -> Iterator[Part]:
    match node:
        case AnyOf(parts) if tuple(part.field.name for part in parts if isinstance(part, Leaf)) == DEFAULT_FIELDS:
            yield Part(node, parts[0])  # type: ignore[arg-type]  # a word without a field
        case All(parts) | AnyOf(parts):
            for part in parts:
                yield from _parts(part)
        case Boost(part, _):
            yield from _parts(part)
        case Equals() | Phrase() | Range() | Wildcard() | Fuzzy() | Exists():
            yield Part(node, node)


def _explain(reader: Reader, part: Part) -> str:
    leaf = part.leaf
    if isinstance(leaf, Exists) or not reader.count(_anywhere(reader, _exists(part))):
        return f"no record has {part.name or 'a text'}{_meant(part.name, _names_like(reader, leaf.field))}"
    match leaf:
        case Equals(Field(type=Type.TEXT), word):
            return f"no record has the word {_quoted(word)}{_word_meant(reader, part, str(word))}"
        case Phrase(words=words):
            return f"no record has the words {_quoted(' '.join(words))} in this order{_in(part)}"
        case Range(field) if field.type in (Type.FLOAT, Type.INTEGER):
            return f"no record has {part.name} in this range; {_span(reader, field)}"
        case Equals(field, value) if field.type in (Type.FLOAT, Type.INTEGER):
            return f"no record has {part.name}:{value:g} exactly; {part.name}:>{value:g} is a range"
        case Equals(field, value) if field.type is Type.KEYWORD:
            return f"no record has {part.name}:{_value(str(value))}{_value_meant(reader, part, str(value))}"
        case Wildcard(pattern=pattern):
            return f"no record has anything like {pattern}{_in(part)}"
        case Fuzzy(word=word):
            return f"no record has a word like {_quoted(word)}{_in(part)}"
        case _:
            return f"no record has {part.name} in this range"


def _shown(open_name: str) -> str:
    return open_name.removeprefix("document.").replace("labels.", "label.", 1)


def _exists(part: Part) -> Node:
    return AnyOf(tuple(Exists(FIELDS[name]) for name in DEFAULT_FIELDS)) if not part.name else Exists(part.leaf.field)


def _in(part: Part) -> str:
    return f" in {part.name}" if part.name else ""


def _quoted(text: Any) -> str:
    return f'"{text}"'


def _value(text: str) -> str:
    return text if text.replace("_", "").replace("-", "").isalnum() else _quoted(text)


def _meant(written: str, names: Iterable[str]) -> str:
    near = difflib.get_close_matches(written, names, n=1)
    return f"; did you mean {near[0]}?" if near else ""


def _names_like(reader: Reader, field: Field) -> set[str]:
    """Return fields with a value that have the same prefix, as far as the latest records show."""
    prefix = next((prefix for prefix in OPEN_FIELDS if field.name.startswith(prefix)), "")
    if not prefix:
        return set()
    return {_shown(prefix + name) for record in _latest(reader) for name in _inside(record, prefix)}


def _inside(record: dict[str, Any], prefix: str) -> Iterable[str]:
    value: Any = record
    for step in prefix.rstrip(".").split("."):
        value = (value or {}).get(step)
    return value or ()


def _latest(reader: Reader) -> Iterator[dict[str, Any]]:
    """Yield some of the latest records of each model."""
    for model in _values(reader, "model.id", Everything()):
        query = Equals(FIELDS["model.id"], model)
        for hit in reader.search(_anywhere(reader, query), limit=SAMPLE, sort=Sort("@timestamp")).hits:
            yield hit.record


def _values(reader: Reader, field: str, query: Node) -> list[str]:
    found: Any = reader.aggregate(_anywhere(reader, query), {"values": Terms(field, VALUES)})["values"]
    return [bucket.key for bucket in found if isinstance(bucket, Bucket)]


def _value_meant(reader: Reader, part: Part, value: str) -> str:
    field = part.leaf.field.name
    if field in ALL_DIFFERENT:
        return ""
    if field == "because":
        return _reason_meant(reader, value)
    known = {name: name for name in _values(reader, field, Everything())}
    if field == "tags":
        known |= {title: tag for record in _latest(reader) for tag, title in (record.get("titles") or {}).items()}
    folded = {written.casefold(): meant for written, meant in known.items()}
    near = difflib.get_close_matches(value.casefold(), folded, n=1)
    return f"; did you mean {part.name}:{_value(folded[near[0]])}?" if near else ""


def _reason_meant(reader: Reader, value: str) -> str:
    tag, colon, _ = value.partition(":")
    if not colon:
        return f'; reasons are written as because:"{value or "TAG"}:FEATURE", or because:{value}* for any'
    same_tag = Wildcard(FIELDS["because"], tag.replace("\\", "\\\\").replace("*", "\\*").replace("?", "\\?") + ":*")
    known = [reason for reason in _values(reader, "because", same_tag) if reason.startswith(tag + ":")]
    near = difflib.get_close_matches(value, known, n=1)
    if near:
        return f"; did you mean because:{_quoted(near[0])}?"
    return "" if known else f", nor any of the tag {tag}"


def _word_meant(reader: Reader, part: Part, word: str) -> str:
    fields = [part.leaf.field] if part.name else [FIELDS[name] for name in DEFAULT_FIELDS]
    like = AnyOf(tuple(Fuzzy(field, word) for field in fields))
    for hit in reader.search(_anywhere(reader, like), limit=1, highlight=True).hits:
        for snippet in (snippet for snippets in hit.highlights.values() for snippet in snippets):
            _, start, after = snippet.partition("\x02")
            if start:
                return f"{_in(part)}; did you mean {_quoted(after.partition(chr(3))[0].lower())}?"
    return _in(part)


def _span(reader: Reader, field: Field) -> str:
    found: Any = reader.aggregate(_anywhere(reader, Exists(field)), {"values": Statistics(field.name)})["values"]
    return f"all values lie between {found['min']:.4g} and {found['max']:.4g}"
