"""What one trace left behind: its calls, and the documents of each (pure)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from scorelens_store.contract import Record


@dataclass(frozen=True)
class Call:
    """A call of a trace: the span that records say it is, how it went, and its documents in their order."""

    span: str
    record: Record | None
    documents: Sequence[Record] = field(default_factory=list)

    @property
    def rpc(self) -> Mapping[str, Any]:
        """Return what is known of the call, which every document's record carries as well."""
        return self._any.get("rpc") or {}

    @property
    def ended(self) -> str:
        """Return how it ended."""
        return str((self._any.get("call") or {}).get("end", ""))

    @property
    def error(self) -> str:
        """Return what it says of a failure."""
        return str((self._any.get("call") or {}).get("error", ""))

    @property
    def time(self) -> str:
        """Return when it began."""
        return str(self._any.get("@timestamp", ""))

    @property
    def service(self) -> str:
        """Return who recorded it."""
        service = self._any.get("service") or {}
        instance = (service.get("instance") or {}).get("id")
        return " · ".join(str(part) for part in (service.get("name"), instance) if part)

    @property
    def _any(self) -> Record:
        return self.record or next(iter(self.documents), {})


def calls_of(records: Iterable[Record]) -> list[Call]:
    """Put the records of a trace in order: by call, as they began, and by place within it."""
    calls: dict[str, Record] = {}
    documents: dict[str, list[Record]] = {}
    for record in records:
        span = record.get("span") or {}
        if record["record"].get("type") == "call":
            calls[str(span.get("id", ""))] = record
        else:
            documents.setdefault(str(span.get("parent_id") or span.get("id", "")), []).append(record)
    names = dict.fromkeys([*calls, *documents])
    made = [Call(name, calls.get(name), sorted(documents.get(name, ()), key=_place)) for name in names]
    return sorted(made, key=lambda call: (call.time, call.span))


def _place(record: Record) -> tuple[int, int]:
    message, document = record.get("message") or {}, record.get("document") or {}
    return int(message.get("number") or 0), int(document.get("number") or 0)
