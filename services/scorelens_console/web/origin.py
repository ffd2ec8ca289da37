"""Where a request comes from: which hosts are the console's own, and which changes a page of another site asked for."""

from __future__ import annotations

from collections.abc import Sequence

from scorelens_console.public_url import PublicUrl, host_of
from scorelens_runtime.endpoint import is_loopback

SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
"""Methods that change nothing."""


def is_known_host(netloc: str, listen: str, public_url: PublicUrl | None) -> bool:
    """Tell whether a browser was led here by a name of the console's own, and not by one that somebody else owns.

    `netloc` is what the request has as Host, `listen` the host that the console listens on.
    """
    host = host_of(netloc)
    return (public_url is not None and host == public_url.host) or (is_loopback(listen) and is_loopback(host))


def is_foreign(origins: Sequence[str], fetch_sites: Sequence[str], own: frozenset[str]) -> bool | None:
    """Tell whether a page of another site sent a request, by what browsers say of it; None where they say nothing.

    `origins` and `fetch_sites` are the values of Origin and Sec-Fetch-Site, `own` the console's origins.
    """
    if not origins and not fetch_sites:
        return None
    fits = all(origin.lower() in own for origin in origins)
    return not (fits and len(origins) <= 1 and all(site in ("same-origin", "none") for site in fetch_sites))
