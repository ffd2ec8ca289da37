"""One caller's connection and the upstream connection that belongs to it: bytes in on one side, bytes out on the other.

Frames go on as they came, whole, and in order. The exceptions:

- a request's header block may get one more field;
- DATA of an answer that is stripped; what is taken out is given back to the upstream as window;
- DATA on a stream that has no call (any more): dropped and given back to its sender, so that bytes of an answer cannot
  slip past once its stream was reset;
- calls that the relay refuses or withholds, and its own GOAWAY while it drains.
"""

from __future__ import annotations

from scorelens_sidecar.captured import End
from scorelens_sidecar.relay import frames as h2
from scorelens_sidecar.relay.caller import DRAIN_PING, CallerSide
from scorelens_sidecar.relay.capture import Capture
from scorelens_sidecar.relay.frames import PING, SETTINGS, PeerError, frame
from scorelens_sidecar.relay.link import Link
from scorelens_sidecar.relay.upstream import UpstreamSide


class Connection:
    """The state of both connections. Feed it what was read, then write and clear `to_client` and `to_upstream`.

    Records of calls that end in a read are appended before the feeding method returns. Once `closed`, what is left is
    to be written and both connections closed.
    """

    __slots__ = (
        "_caller",
        "_capture",
        "_link",
        "_upstream",
        "calls",
        "closed",
        "failure",
        "greeted",
        "to_client",
        "to_upstream",
    )

    def __init__(self, capture: Capture) -> None:
        self._capture = capture
        self._link = link = Link(capture)
        self._caller, self._upstream = CallerSide(link), UpstreamSide(link)
        self.to_client, self.to_upstream, self.calls = link.to_client, link.to_upstream, link.calls
        self.closed = False
        self.greeted = False  # whether the caller got the SETTINGS without which no other frame may come
        self.failure = ""  # why the relay closed it, for the log

    def from_client(self, data: bytes) -> None:
        """Take bytes that the caller sent."""
        if self.closed:
            return
        try:
            self._caller.take(data)
            if self._link.flow.owed:
                self._settle()
        except PeerError as error:
            self._fail(error)
        self._finish()

    def from_upstream(self, data: bytes) -> None:
        """Take bytes that the upstream sent."""
        if self.closed:
            return
        flow = self._link.flow
        try:
            self._upstream.take(data)
            if flow.owed or flow.holding or flow.rewritten:
                self._settle()
        except PeerError as error:
            self._fail(error)
        if flow.gate is not None and self.to_client:
            self.to_client[:] = [flow.gate.let(b"".join(self.to_client))]
        if self.to_client:
            self.greeted = True
        self._finish()

    @property
    def upstream_leaving(self) -> bool:
        """Tell whether the upstream has said in an answer that it will end."""
        return self._link.leaving

    def upstream_unreachable(self) -> None:
        """Answer this caller's calls with UNAVAILABLE from now on: there is no upstream."""
        self._link.away = True
        self.to_client.append(frame(SETTINGS, 0, 0))
        self.greeted = True

    def drain(self) -> None:
        """Ask the caller to open no more calls, in two steps so that none on its way is lost.

        Only for a caller that was greeted.
        """
        link = self._link
        if self.greeted and not link.draining and not self.closed:
            link.draining = True
            self.to_client += (h2.goaway(link.served, h2.NO_ERROR), frame(PING, 0, 0, DRAIN_PING))

    def lost(self) -> None:
        """Record the calls in flight as lost with the connection."""
        self.closed = True
        self._link.end_all(End.CONNECTION_LOST)
        self._capture.flush()

    def _settle(self) -> None:
        for call in self._link.flow.settle():
            self.to_client.append(self._link.end_midway(call, End.WITHHELD))

    def _fail(self, error: PeerError) -> None:
        """End both connections: one of the peers cannot be understood any more."""
        link = self._link
        self.failure = str(error)
        self.closed = True
        link.end_all(End.CONNECTION_LOST)
        self.to_client.append(h2.goaway(min(link.last, link.served), error.code, str(error)))
        if self._caller.preface_seen:
            self.to_upstream.append(h2.goaway(0, error.code))

    def _finish(self) -> None:
        """Append the records of this read, then give window back and add what must follow the frames of this read."""
        link, caller, capture = self._link, self._caller, self._capture
        if capture.pending and not capture.flush() and capture.required and not self.closed:
            self.to_client.clear()
            self._fail(PeerError(h2.INTERNAL_ERROR, "a call that must be recorded could not be"))
            capture.flush()
        flow = link.flow
        if flow.debt or flow.gate is not None:
            flow.give()
        if link.resets:
            self.to_upstream += link.resets
            link.resets.clear()
        if caller.returned:
            self.to_client.append(h2.window_update(0, caller.returned))
            caller.returned = 0
        if link.away:
            self.to_upstream.clear()
        if link.drained and not self.calls and not (flow.gate and flow.gate.waiting):
            self.closed = True
