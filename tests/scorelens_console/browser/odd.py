"""Records that are hard to show: long words, many tags, other directions of writing, markup as text, activity."""

from __future__ import annotations

from typing import Any

from tests.scorelens_console.records import record

FIFTY_WORDS = " ".join(f"word{number}" for number in range(50))


def odd_records() -> list[dict[str, Any]]:
    """Return the records; their documents' ids begin with odd-."""
    return [
        _of(200, "odd-rtl", "مرحبا بكم في البنك، لا يزال المال غير مسترد 😀 refund", language="ar"),
        _of(201, "odd-emoji", "👩‍👩‍👧‍👦 🏳️‍🌈 refund 😭😭😭", author="🦊"),
        _of(202, "odd-markup", "<script>document.title='taken'</script><b>refund</b> & \"quotes\"", author="<i>x</i>"),
        _of(203, "odd-long-word", "refund" + "x" * 3000, source="s" * 300),
        _of(204, "odd-" + "i" * 400, "a long id and a refund"),
        _of(205, "odd-link", "refund", source_uri="javascript:alert(1)"),
        _of(206, "odd-long", "Still no refund. " * 3000),
        _fifty_words(207),
        _activity(208),
    ]


def _of(number: int, name: str, text: str, **more: Any) -> dict[str, Any]:
    made = record(number)
    made["document"] |= {"id": name, "text": text, "length": len(text), **more}
    return made


def _fifty_words(number: int) -> dict[str, Any]:
    made = record(number)
    made["document"] |= {"id": "odd-tags"}
    tags = {f"tag-{at}": f"{at} {FIFTY_WORDS}" for at in range(30)}
    made["tags"] = list(tags)
    made["titles"], made["groups"] = tags, dict.fromkeys(tags, "topic")
    made["score"] = dict.fromkeys(tags, 0.75)
    for name in ("calculation", "margin", "threshold", "because"):
        made.pop(name)
    return made


def _activity(number: int) -> dict[str, Any]:
    made = record(number)
    made["document"] |= {"id": "odd-activity", "kind": "activity", "text": "", "length": 0}
    made["customer"] = {"id": "customer/ü 7"}
    made["activity"] = {
        "type": ["salary", "card_payment"],
        "time": ["2026-11-01T08:00:00Z", "2026-11-02T09:30:00Z"],
        "amount": [2100.0, -35.5],
        "currency": ["EUR", "EUR"],
        "balance": [2500.0, None],
        "product": ["", "groceries"],
        "text": ["", "thanks"],
    }
    made["titles"] |= {"refund": "Mortgage"}
    made["groups"] |= {"refund": "offer"}
    return made
