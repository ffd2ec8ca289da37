"""Connections with TLS that read the answer of a server that reads no further, as those without TLS do."""

from __future__ import annotations

import errno
import ssl
from typing import Any


def hearing_out(kind: Any) -> Any:
    """Return a kind of TLS connection that hears a server say why it stopped reading: that a request is too large.

    urllib3 reads on after a broken pipe, which is what TLS calls an end of its own.
    """

    class Connection(kind):  # type: ignore[misc]
        def send(self, data: Any) -> None:
            connected = self.sock is not None
            try:
                super().send(data)
            except (ssl.SSLEOFError, ssl.SSLZeroReturnError) as exc:
                if not connected:
                    raise
                raise BrokenPipeError(errno.EPIPE, "the server reads no further") from exc

    return Connection
