"""The metrics of a console."""

from __future__ import annotations

from typing import Final

from scorelens_runtime.metrics.definitions import FAST, SECONDS, Kind, Metric

REQUEST_DURATION: Final = Metric(
    "scorelens.console.request.duration",
    Kind.HISTOGRAM,
    SECONDS,
    "Requests by how long they took; route is the page or the operation of the API by name, other for none of them; "
    "status is HTTP's. Its count is the number of requests.",
    ("route", "status"),
    FAST,
)
SIGN_INS_REFUSED: Final = Metric(
    "scorelens.console.sign_ins.refused",
    Kind.COUNTER,
    "{try}",
    "Tries to sign in that failed: method is account, link, oidc, token, proxy or throttled (too many before it).",
    ("method",),
)

METRICS: Final = (REQUEST_DURATION, SIGN_INS_REFUSED)
"""In the order of docs/operations.md."""
