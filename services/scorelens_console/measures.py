"""What a console counts of its work."""

from __future__ import annotations

from typing import Final

from scorelens_console import metrics
from scorelens_console.access import accounts, links, oidc, proxied, tokens
from scorelens_runtime.metrics.instruments import Instruments

THROTTLED: Final = "throttled"
"""Stands for the method of those who may not try, because there were too many tries."""
METHODS: Final = (accounts.METHOD, links.METHOD, oidc.METHOD, tokens.METHOD, proxied.METHOD, THROTTLED)


class Measures:
    """Counts requests and failures to sign in, from any thread."""

    def __init__(self, instruments: Instruments) -> None:
        self._requests = instruments.histogram(metrics.REQUEST_DURATION)
        self._refused = instruments.counter(metrics.SIGN_INS_REFUSED)
        for method in METHODS:
            self._refused.add(0, method)

    def request(self, route: str, status: int, seconds: float) -> None:
        """Count a request that was answered."""
        self._requests.observe(seconds, route, str(status))

    def sign_in_refused(self, method: str) -> None:
        """Count a try to sign in that failed."""
        self._refused.add(1, method)
