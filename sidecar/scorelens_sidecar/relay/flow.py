"""The flow-control windows of one connection, as far as the relay has a part in them.

Bytes of an answer that are taken out reach no caller who could give window for them, so the relay gives it back to the
upstream itself. `debt` is what it still owes: for the connection here, for a stream in its call.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from scorelens_sidecar.relay.capture import Call
from scorelens_sidecar.relay.frames import FIRST_WINDOW, data_frames, window_update
from scorelens_sidecar.relay.gate import Gate
from scorelens_sidecar.relay.messages import Budget
from scorelens_sidecar.relay.strip import Stripper

LOW: Final = 32768
"""A stream that may get less than this is given its window back at once."""
URGENT: Final = 8192
"""While the upstream may still send this much on the connection, giving its window back waits for the next write."""
SHARE: Final = 4
"""Answers may hold one part in so many of a window, of a stream's and of the connection's, without any harm: the caller
sees enough of the rest to give window back."""


class Flow:
    """Keeps what the windows need to go on: debts, answers that are held, and the gate once an answer is rewritten."""

    __slots__ = (
        "_budget",
        "_calls",
        "_to_client",
        "_to_upstream",
        "debt",
        "gate",
        "holding",
        "initial_window",
        "owed",
        "rewritten",
        "upstream_window",
    )

    def __init__(
        self, calls: dict[int, Call], to_client: list[bytes], to_upstream: list[bytes], budget: Budget
    ) -> None:
        self._calls, self._to_client, self._to_upstream, self._budget = calls, to_client, to_upstream, budget
        self.initial_window = FIRST_WINDOW  # of a stream, as the caller set it
        self.upstream_window = FIRST_WINDOW  # what the upstream may still send on the connection
        self.debt = 0  # bytes of answers that were taken out and not given back to the upstream
        self.owed: dict[int, Call] = {}  # calls in debt whose stream is short of window
        self.holding: dict[int, Call] = {}  # calls of whose answer something is held
        self.rewritten: dict[int, Call] = {}  # calls whose answer was rewritten in this read
        self.gate: Gate | None = None

    def begin(self, stream: int) -> None:
        """Begin with a call's stream."""
        if self.gate is not None:
            self.gate.open(stream, self.initial_window)

    def over(self, call: Call) -> None:
        """Let go of what is held of a call's answer; those bytes will not go on any more."""
        strip = call.strip
        if strip is not None and strip.held:
            self.debt += strip.held
            self.holding.pop(call.stream, None)
        if self.owed:
            self.owed.pop(call.stream, None)

    def forget(self, stream: int) -> None:
        """Let nothing more of a stream wait for window, since it was reset."""
        if self.gate is not None:
            self.gate.forget(stream)

    def client_grants(self, stream: int, increment: int) -> bool:
        """Take a WINDOW_UPDATE of the caller; True when it does not go on, since the gate gives its own."""
        if self.gate is not None:
            self.gate.grant(stream, increment)
            return stream == 0 or stream in self._calls
        if stream == 0:
            self.upstream_window += increment
        else:
            call = self._calls.get(stream)
            if call is not None:
                call.window += increment
        return False

    def resize(self, window: int) -> None:
        """Take the caller's SETTINGS_INITIAL_WINDOW_SIZE, which moves the window of every stream."""
        if self.gate is not None:
            self.gate.shift(window - self.initial_window)
        self.initial_window = window
        if self.gate is None:
            self._pay(call for call in self._calls.values() if self.is_short(call))

    def is_short(self, call: Call) -> bool:
        """Tell whether a call's stream needs what the relay owes it."""
        return call.debt > 0 and self.initial_window + call.window < LOW

    def settle(self) -> list[Call]:
        """Give window back to streams that need it, and see to answers that are held or rewritten.

        Returns the calls whose answer finds no memory to be held in, and must end.
        """
        total = sum(call.strip.held for call in self.holding.values() if call.strip is not None)
        crowded = total > FIRST_WINDOW // SHARE
        held = [(call, call.strip) for call in self.holding.values() if call.strip is not None]
        homeless = [call for call, strip in held if not self._hold(call, strip, crowded)]
        if self.rewritten:
            self._open_gate()
            self.rewritten.clear()
        if self.gate is None:
            self._pay(self.owed.values())
        self.owed.clear()
        return homeless

    def give(self) -> None:
        """Give the connection's window back, once something goes upstream anyway or it runs low."""
        if self.gate is not None:
            self._give_by_gate(self.gate)
        elif self.debt > 0 and (self._to_upstream or self.upstream_window < URGENT):
            self._to_upstream.append(window_update(0, self.debt))
            self.upstream_window += self.debt
            self.debt = 0

    def _pay(self, calls: Iterable[Call]) -> None:
        for call in calls:
            self._to_upstream.append(window_update(call.stream, call.debt))
            call.window += call.debt
            call.debt = 0

    def _hold(self, call: Call, strip: Stripper, crowded: bool) -> bool:
        """Keep an answer that is held from stopping the upstream; False when there is no memory for it."""
        if crowded or strip.held > self.initial_window // SHARE:
            self._hurry(call, strip)
        if not self._budget.take(strip.held - call.accounted):
            return False
        call.accounted = strip.held
        if not strip.held:
            self.holding.pop(call.stream, None)
        return True

    def _hurry(self, call: Call, strip: Stripper) -> None:
        early = strip.hurry()
        if early:
            self._to_client.append(data_frames(call.stream, early))
        elif strip.held:
            self._open_gate()

    def _open_gate(self) -> None:
        """Take the caller's windows over; `to_client` holds what this read lets go and no window was checked for."""
        if self.gate is not None:
            return
        held = {stream: call.strip.held for stream, call in self._calls.items() if call.strip is not None}
        calls = self._calls | self.rewritten
        windows = {
            stream: self.initial_window + call.window + call.debt + held.get(stream, 0)
            for stream, call in calls.items()
        }
        self.gate = Gate(self.upstream_window + self.debt + sum(held.values()), windows)
        self.gate.expect(b"".join(self._to_client))

    def _give_by_gate(self, gate: Gate) -> None:
        """Let the upstream send what the caller has window for, and what an answer that is held still needs."""
        ready = gate.drain()
        if ready:
            self._to_client.append(ready)
        holds = 0
        more = FIRST_WINDOW if gate.waiting <= LOW else 0  # a caller that does not read stops the upstream
        for stream, call in self._calls.items():
            held = call.strip.held if call.strip else 0
            holds += held
            room = gate.streams.get(stream, 0) - gate.queued.get(stream, 0) - held
            window = self.initial_window + call.window
            credit = max(room, more if held else 0) - window
            if credit > 0 and (window < LOW or credit >= LOW):
                self._to_upstream.append(window_update(stream, credit))
                call.window += credit
        room = max(gate.window - gate.waiting - holds, more if holds else 0)
        credit = room - self.upstream_window
        if credit > 0 and (self.upstream_window < LOW or credit >= LOW):
            self._to_upstream.append(window_update(0, credit))
            self.upstream_window += credit
        self.debt = 0
