"""Saved searches of Discover: listings of records, each with its query and columns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from scorelens_client.kibana import lucene
from scorelens_client.kibana.columns import TIME
from scorelens_client.kibana.saved import Json, reference, saved_object, text
from scorelens_client.kibana.view import KibanaView
from scorelens_reading.kibana.ids import LETTERS, RECORDS, data_view_id, search_id

NEAR: Final = 0.05
"""How far from its threshold a score may lie to be called near."""

_INDEX: Final = "kibanaSavedObjectMeta.searchSourceJSON.index"
_DOCUMENT: Final = ("document.kind", "document.text", "tags")
_WHY: Final = ("document.id", *_DOCUMENT, "because", "model.version")
_CALL: Final = ("rpc.method", "rpc.status", "call.end", "rpc.duration_ms", "rpc.request_bytes", "trace.id")


@dataclass(frozen=True)
class Search:
    """One listing: what it is for, the records it shows, and the fields that stand in columns beside the time."""

    name: str
    title: str
    purpose: str
    lucene: str
    columns: tuple[str, ...]
    data_view: str = RECORDS

    def to_saved(self, view: KibanaView) -> Json:
        """Return the saved object, the latest records first."""
        source = {"query": lucene.query(self.lucene), "filter": [], "indexRefName": _INDEX}
        attributes = {
            "title": f"{view.title_prefix}: {self.title}",
            "description": self.purpose,
            "columns": list(self.columns),
            "sort": [[TIME, "desc"]],
            "grid": {},
            "hideChart": False,
            "isTextBasedQuery": False,
            "timeRestore": False,
            "kibanaSavedObjectMeta": {"searchSourceJSON": text(source)},
        }
        data_view = reference("index-pattern", data_view_id(view.prefix, self.data_view), _INDEX)
        return saved_object("search", search_id(view.prefix, self.name), attributes, [data_view])


def searches(view: KibanaView) -> list[Search]:
    """Return all listings for a view."""
    return [*_always(), *_misses(view), *_near(view)]


def near_name(tag: str) -> str:
    """Return the name of the search for scores near the threshold of one tag."""
    return f"near-threshold-{tag}"


def _always() -> list[Search]:
    return [
        Search(
            "documents",
            "documents",
            "Every document that was scored for production, with its tags.",
            lucene.PRODUCTION,
            (*_DOCUMENT, "document.source", "document.audience"),
        ),
        Search(
            "reasons",
            "documents with their reasons",
            "Every document with the leading terms of its tags and the model version that scored it.",
            lucene.PRODUCTION,
            _WHY,
        ),
        Search(
            "calculations",
            "calculations",
            "Pick a document.id and open a row: its JSON has the whole calculation. Replays and tests are shown, too.",
            "record.type:document",
            ("document.id", "model.id", "model.version", "purpose", "tags", "because", "flags", "record.id"),
        ),
        Search(
            "untagged",
            "documents without a tag",
            "Documents that no tag was given: what the models have no word for.",
            lucene.UNTAGGED,
            ("document.id", "document.kind", "document.text", "document.source", "model.version"),
        ),
        Search(
            "flagged",
            "flagged calculations",
            "Records with something a reader should know: sums that do not add up, numbers that are none, cut texts.",
            lucene.FLAGGED,
            ("flags", *_WHY),
        ),
        Search(
            "truncated",
            "truncated records",
            "Calls and documents of which the capture limit cut something off.",
            lucene.TRUNCATED,
            ("record.type", "flags", "document.id", "rpc.request_bytes", "rpc.answer_bytes", "trace.id"),
        ),
        Search(
            "failed-calls",
            "failed calls",
            "Calls that scored nothing, with how they ended.",
            lucene.FAILED,
            _CALL,
        ),
        Search(
            "dead-letters",
            "dead letters",
            "What could never be stored, and why; `scorelens dead-letters` has the same, from the indexer's own files.",
            "",
            ("reason", "bytes", "document.id", "record.id", "trace.id"),
            LETTERS,
        ),
        Search(
            "offers",
            "offers to customers",
            "Customers whom an offer fits, with the reasons.",
            f"{lucene.PRODUCTION} AND customer.id:*",
            ("customer.id", "tags", "because", "model.version", "document.id"),
        ),
    ]


def _misses(view: KibanaView) -> list[Search]:
    if not {"negative", "complaint"} <= set(view.tags):
        return []
    return [
        Search(
            "negative-without-complaint",
            "negative, but no complaint",
            "Negative documents without the tag for complaints: complaints that were missed, or other bad news.",
            f"{lucene.PRODUCTION} AND {lucene.tagged('negative')} AND NOT {lucene.tagged('complaint')}",
            _WHY,
        )
    ]


def _near(view: KibanaView) -> list[Search]:
    if not view.tags:
        return []
    ranges = {tag: lucene.near(tag, view.threshold(tag), NEAR) for tag in view.tags}
    every = Search(
        "near-threshold",
        "near a threshold",
        f"Documents with a score at most {NEAR:g} away from the threshold of some tag: the best ones to label.",
        f"{lucene.PRODUCTION} AND ({' OR '.join(ranges.values())})",
        _WHY,
    )
    return [every, *(_near_one(view, tag, scores) for tag, scores in ranges.items())]


def _near_one(view: KibanaView, tag: str, scores: str) -> Search:
    return Search(
        near_name(tag),
        f"near the threshold of {tag}",
        f"Documents with a score at most {NEAR:g} away from {view.threshold(tag):.4g}, the threshold of {tag}.",
        f"{lucene.PRODUCTION} AND {scores}",
        ("document.id", f"score.{tag}", f"margin.{tag}", f"threshold.{tag}", *_DOCUMENT, "because"),
    )
