"""Results as notebooks show them: small tables of escaped text, and the pictures of calculations."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, Final

from scorelens.v1.scorer_pb2 import Document
from scorelens_reading.markup import Markup, element, join, readable
from scorelens_reading.waterfall import percent

if TYPE_CHECKING:
    from scorelens_client.sdk.records import Record
    from scorelens_client.sdk.rows import Rows
    from scorelens_client.sdk.scores import Score, Scored
    from scorelens_client.sdk.words import Words

MOST_ROWS: Final = 20
MOST_TAGS: Final = 4
MOST_PICTURES: Final = 3
WORDS: Final = 120
LONG_WORDS: Final = 1500

_LEFT: Final = "text-align:left;vertical-align:top"
_TEXT: Final = "text-align:left;vertical-align:top;max-width:42em;white-space:normal"
_NUMBER: Final = "text-align:right;font-variant-numeric:tabular-nums"
_DIM: Final = "opacity:.7"


def rows_html(rows: Rows[Any]) -> str:
    """Return a table of the first rows, and how many there are."""
    names, cells = _TABLES[rows.kind.__name__]
    total = getattr(rows, "total", len(rows))
    shown = rows[:MOST_ROWS]
    count = f"{total:,} {rows.kind.__name__.lower()}{'' if total == 1 else 's'}"
    note = count if len(shown) == total else f"{count}, {len(shown):,} shown"
    missing = getattr(rows, "missing", ())
    if missing:
        note += f"; not found: {_cut(', '.join(missing), WORDS)}"
    return element("div", table(names, (cells(one) for one in shown)), element("div", note, style=_DIM))


def words_html(words: Words) -> str:
    """Return a table of the first words, and what was compared."""
    cells = [
        (
            _cut(word.word, WORDS),
            f"{word.count:,}",
            f"{word.share:.1%}",
            f"{word.other_count:,}",
            f"{word.other_share:.1%}",
        )
        for word in words[:MOST_ROWS]
    ]
    count = f"{len(words):,} word{'' if len(words) == 1 else 's'}"
    note = count if len(cells) == len(words) else f"{count}, {len(cells):,} shown"
    compared = f"{note}; {words.total:,} records against {words.others:,} others"
    return element("div", table(_OF_WORDS, cells), element("div", compared, style=_DIM))


def table(names: Sequence[str], rows: Iterable[Sequence[str]]) -> Markup:
    """Return a table; cells that are no Markup are escaped."""
    head = element("tr", *(element("th", name, style=_NUMBER if name in _NUMBERS else _LEFT) for name in names))
    body = [element("tr", *(_cell(name, cell) for name, cell in zip(names, row, strict=True))) for row in rows]
    return element("table", element("thead", head), element("tbody", *body))


def score_html(score: Score) -> str:
    """Return the tags of one score."""
    heading = [element("b", score.document_id or f"document {score.place}"), _dim(f"{score.model} {score.version}")]
    if score.error:
        return element("div", *heading, element("div", f"not scored: {score.error}"))
    return element("div", *heading, _tags_table(score))


def record_html(record: Record) -> str:
    """Return a record: the document, what was said of it, and why."""
    made = f"{record.kind}  scored {record.time:%Y-%m-%d %H:%M:%S} UTC by {record.model} {record.version}"
    heading = element("div", element("b", record.document_id or record.id), _dim(made))
    flags = [element("div", element("b", flag)) for flag in record.flags]
    words = _cut(_words(record.document), LONG_WORDS)
    text = element("div", words, style="margin:.6em 0;max-width:48em")
    chosen = [one for one in record.calculations if one.selected] or list(record.calculations[:1])
    pictures = [element("div", Markup(one.picture()), style="margin:.6em 0") for one in chosen[:MOST_PICTURES]]
    return element("div", heading, *flags, text, _tags_table(record), *pictures)


def history_html(document: str, records: Sequence[Record], total: int, chosen: Record) -> str:
    """Return a document with all its scores, one of them explained."""
    cells = [
        (*_record_cells(record)[:1], f"{record.model} {record.version}", record.purpose, _tags(record))
        for record in records
    ]
    note = f"{document}: {total:,} score{'' if total == 1 else 's'}"
    listing = table(("time", "model", "purpose", "tags"), cells)
    return element("div", element("div", element("b", note)), listing, Markup(record_html(chosen)))


def _tags_table(scored: Scored) -> Markup:
    cells = [
        (score.title, score.group, percent(score.probability), "yes" if score.selected else "")
        for score in scored.scores
    ]
    shown = [cell for cell in cells if cell[3]] + [cell for cell in cells if not cell[3]]
    most = max(sum(1 for cell in cells if cell[3]), MOST_TAGS)
    rest = [_dim(f"{len(cells) - most} less probable")] if len(cells) > most else []
    return element("div", table(("tag", "group", "probability", "selected"), shown[:most]), *rest)


def _cell(name: str, cell: str) -> Markup:
    return element("td", cell, style=_NUMBER if name in _NUMBERS else _TEXT if name == "text" else _LEFT)


def _score_cells(score: Score) -> tuple[str, ...]:
    said = f"not scored: {score.error}" if score.error else _tags(score)
    return str(score.place), score.document_id, f"{score.model} {score.version}", said


def _record_cells(record: Record) -> tuple[str, ...]:
    words = _highlighted(record) or _cut(_words(record.document), WORDS)
    return f"{record.time:%Y-%m-%d %H:%M:%S}", record.document_id, record.kind, _tags(record), words


def _document_cells(document: Document) -> tuple[str, ...]:
    return document.id, document.kind, _cut(_words(document), WORDS)


def _tags(scored: Score | Record) -> str:
    chosen = [score for score in scored.scores if score.selected]
    shown = [f"{score.title} {percent(score.probability)}" for score in chosen[:MOST_TAGS]]
    return " · ".join([*shown, *([f"+{len(chosen) - MOST_TAGS}"] if len(chosen) > MOST_TAGS else [])])


def _highlighted(record: Record) -> Markup | None:
    """Return the first place where a search matched, its words marked."""
    for snippet in (snippet for snippets in record.highlights.values() for snippet in snippets):
        first, *others = snippet.split("\x02")
        parts = [_escaped(first)]
        for other in others:
            inside, _, after = other.partition("\x03")
            parts += [element("b", inside), _escaped(after)]
        return join(*parts)
    return None


def _escaped(text: str) -> Markup:
    # Blanks at the ends stay: a marked word may be next to them.
    start, end = (" " if text[:1].isspace() else ""), (" " if text[-1:].isspace() else "")
    return join(Markup(start), Markup(element("span", text)), Markup(end))


def _words(document: Document) -> str:
    words = " — ".join(part for part in (document.title, document.text) if part)
    if words or not document.events:
        return words
    return f"{len(document.events)} events: {', '.join(dict.fromkeys(event.type for event in document.events))}"


def _cut(text: str, most: int) -> str:
    shown = readable(text[: most + 1])
    return shown if len(text) <= most else shown[:most].rstrip() + " …"


def _dim(text: str) -> Markup:
    return element("span", text, style=f"{_DIM};margin-left:.8em")


_OF_WORDS: Final = ("word", "records", "share", "others", "their share")
_NUMBERS: Final = ("place", "probability", *_OF_WORDS[1:])
_TABLES: Final[dict[str, Any]] = {
    "Score": (("place", "document", "model", "tags"), _score_cells),
    "Record": (("time", "document", "kind", "tags", "text"), _record_cells),
    "Document": (("id", "kind", "text"), _document_cells),
}
