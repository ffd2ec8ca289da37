"""Names and connections: the first two things that can be wrong about an address."""

from __future__ import annotations

import errno
import socket
from collections.abc import Iterator
from typing import Final

from scorelens_client.doctor.findings import Finding, fail, ok
from scorelens_runtime.endpoint import Endpoint

CONNECT_LIMIT: Final = 3.0
"""Seconds that a server may take to accept a connection."""

_REASONS: Final = {
    errno.ECONNREFUSED: ("nothing listens there", "is it running, and is that its port?"),
    errno.EHOSTUNREACH: ("no way leads there", "is the machine on, and in this network?"),
    errno.ENETUNREACH: ("no way leads there", "is this machine in its network?"),
}


def reached(part: str, endpoint: Endpoint, named_by: str) -> Iterator[Finding]:
    """Yield whether a name is known and something takes connections; the last finding tells."""
    where, named = endpoint.address, f"{named_by} names {endpoint.address}"
    try:
        found = socket.getaddrinfo(endpoint.host, endpoint.port, type=socket.SOCK_STREAM)
    except (socket.gaierror, UnicodeError):
        advice = f"correct {named_by}, or the DNS; in Kubernetes a Service is NAME.NAMESPACE.svc"
        yield fail(part, "name", f"the name {endpoint.host!r} is not known here", advice)
        return
    addresses = sorted({str(each[4][0]) for each in found})
    try:
        socket.create_connection((endpoint.host, endpoint.port), timeout=CONNECT_LIMIT).close()
    except TimeoutError:
        advice = f"{named}: does a firewall or a NetworkPolicy stand between, or is the machine off?"
        yield fail(part, "address", f"{where} takes no connection within {CONNECT_LIMIT:g} s", advice)
        return
    except OSError as error:
        reason, advice = _REASONS.get(error.errno or 0, (error.strerror or str(error), "is the address right?"))
        yield fail(part, "address", f"{where} cannot be reached: {reason}", f"{named}: {advice}")
        return
    resolved = f" ({', '.join(addresses)})" if addresses != [endpoint.host] else ""
    yield ok(part, "address", f"{where}{resolved} takes connections")
