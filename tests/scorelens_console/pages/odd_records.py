"""Records that a document's page has to cope with: long, foreign, flagged, unexplained, scored twice, failed."""

from __future__ import annotations

from typing import Any, Final

from tests.scorelens_console.records import record

LONG: Final = "Nothing happens here. " * 2000 + "Still no refund!! " + "And so on. " * 2000
TRACE: Final = "ab" * 16


def odd_records() -> list[dict[str, Any]]:
    """Return the records; the id of each document says what is odd."""
    return [
        _document(100, id="rtl/1 ?", title="شكرا refund", text="لا يوجد refund منذ أسابيع! 👨‍👩‍👧 still no 👍🏽"),
        _document(101, id="long", title="A long one", text=LONG),
        _document(
            102,
            id="evil",
            title="<script>alert(1)</script>",
            text="<img onerror=x> refund \u202eevil \x00",
            source_uri="javascript:x",
        ),
        _other(103, "viewed", model={"id": "offer-ranker", "version": "1"}),
        *(_version(104 + place, version) for place, version in enumerate(("1", "2"))),
        _version(106, "3", purpose="replay"),
        _call(107),
        _flagged(108),
        _other(109, "unexplained", calculation=None, because=None),
        _other(110, "unscored", **dict.fromkeys(("calculation", "margin", "threshold", "because")), score={}, tags=[]),
        _customer(111),
        _unexplained(114),
    ]


def id_of(number: int) -> str:
    """Return the id of the record with a number."""
    return f"{number:032x}"


def _document(number: int, **parts: Any) -> dict[str, Any]:
    made = record(number)
    made["document"] |= parts
    return made


def _other(number: int, name: str, **parts: Any) -> dict[str, Any]:
    made = record(number, **parts)
    made["document"]["id"] = name
    return made


def _version(number: int, version: str, **parts: Any) -> dict[str, Any]:
    span = {"id": f"{number:016x}", "parent_id": f"{number - number % 2:016x}"}
    model = {"id": "media-tagger", "version": version}
    made = _other(number, "many", model=model, trace={"id": TRACE}, span=span, **parts)
    made["document"]["text"] = "Still no refund and thanks, horrible"
    return made


def _call(number: int) -> dict[str, Any]:
    nothing = (
        "document",
        "model",
        "tags",
        "titles",
        "groups",
        "score",
        "margin",
        "threshold",
        "because",
        "calculation",
    )
    return record(
        number,
        record={"id": id_of(number), "type": "call"},
        trace={"id": TRACE},
        rpc={"service": "scorelens.v1.Scorer", "method": "Score", "status": "UNAVAILABLE", "duration_ms": 250.0},
        call={"end": "reset_by_client", "error": "no connection <b>"},
        **dict.fromkeys(nothing),
    )


def _flagged(number: int) -> dict[str, Any]:
    made = _other(number, "flagged", flags=["does_not_add_up", "text_truncated"])
    made["calculation"][0]["margin"] += 1
    made["calculation"][1]["explanation"] = "approximate"
    nothing: dict[str, Any] = {column: [] for column in ("feature", "value", "coefficient", "contribution")}
    made["calculation"][2] |= nothing | {"explanation": "none", "intercept": 0.0, "remainder": 0.0}
    made["calculation"][2]["remainder_terms"] = 0
    return made


def _customer(number: int) -> dict[str, Any]:
    activity = {
        "type": ["salary", "page_view"],
        "time": ["2026-10-30T08:00:00Z", "2026-11-02T09:00:00Z"],
        "amount": [2100.0, 0.0],
        "currency": ["EUR", ""],
        "balance": [3020.5, None],
        "product": ["", "mortgage <i>"],
    }
    groups = dict.fromkeys(("complaint", "refund", "negative", "brand_acme"), "offer")
    made = _other(number, "customer", activity=activity, customer={"id": 'c-"4"'}, groups=groups)
    made["document"] |= {"text": "", "title": "", "kind": "activity"}
    return made


def _unexplained(number: int) -> dict[str, Any]:
    made = _other(number, "half explained", tags=[])
    for part in made["calculation"]:
        part |= {"explanation": "none", "feature": [], "value": [], "coefficient": [], "contribution": []}
    return made
