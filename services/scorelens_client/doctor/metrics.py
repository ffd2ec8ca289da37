"""The sidecar's account as its metrics tell it (pure): where its folder is out of reach, and its admin port is not."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple

_SAMPLE: Final = re.compile(r"^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)", re.MULTILINE)
_LABEL: Final = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')
_ESCAPED: Final = re.compile(r"\\(.)")
_PREFIX: Final = "scorelens_sidecar_"
_COUNTS: Final = ("seen", "acknowledged", "rejected", "dead_letters", "sampled_out")


class Sample(NamedTuple):
    """One line of Prometheus' text format."""

    name: str
    labels: Mapping[str, str]
    value: float


def samples(text: str) -> Iterator[Sample]:
    """Read Prometheus' text format; what is no number is left out."""
    for name, labels, value in _SAMPLE.findall(text):
        try:
            number = float(value)
        except ValueError:
            continue
        yield Sample(name, {label: _unescaped(content) for label, content in _LABEL.findall(labels)}, number)


def account_of(text: str) -> dict[str, Any] | None:
    """Return what `python -m scorelens_sidecar.status --json` would print; None where the metrics are of no sidecar."""
    named: dict[str, list[Sample]] = {}
    for each in samples(text):
        if each.name.startswith(_PREFIX):
            named.setdefault(each.name.removeprefix(_PREFIX), []).append(each)
    if "spool_quota_bytes" not in named:
        return None
    places = dict.fromkeys(each.labels.get("destination", "") for each in named.get("records_seen_total", ()))
    used, quota = (int(named[name][0].value) for name in ("spool_used_bytes", "spool_quota_bytes"))
    relay = {"bytes": used, "destinations": [_destination(name, named) for name in places]}
    return {"folder": "its folder", "relays": [relay], "spool_bytes": quota}


def _destination(name: str, named: Mapping[str, list[Sample]]) -> dict[str, Any]:
    def found(metric: str) -> list[Sample]:
        return [each for each in named.get(metric, ()) if each.labels.get("destination") == name]

    def value(metric: str) -> float:
        return next((each.value for each in found(metric)), 0.0)

    states = [each.labels["state"] for each in found("destination_state") if each.value]
    return {
        "destination": name,
        "configured": True,
        "state": states[0] if states else "",
        "reason": "its log says why" if states and states[0] == "alarm" else "",
        **{count: int(value(f"records_{count}_total")) for count in _COUNTS},
        "spooled": int(value("records_spooled")),
        "dropped": {each.labels["reason"]: int(each.value) for each in found("records_dropped_total")},
        "oldest_spooled_age": value("spool_oldest_age_seconds"),
        "adds_up": bool(value("account_adds_up")),
    }


def _unescaped(text: str) -> str:
    return _ESCAPED.sub(lambda found: "\n" if found[1] == "n" else found[1], text)
