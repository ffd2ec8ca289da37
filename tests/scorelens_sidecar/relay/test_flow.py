"""Flow control: strict peers on both sides, any windows, any shapes of answers; nobody overruns, nobody gets stuck."""

from __future__ import annotations

import gzip
import random
from collections import deque

import pytest

from scorelens_sidecar.captured import End
from scorelens_sidecar.relay import frames as h2
from scorelens_sidecar.relay.headers import python_decoder
from tests.scorelens_sidecar.relay.wire import SCORE, STREAM, Frame, Rig, field, headers, message, messages_in

SECRET = b"\xc5\xc6\xc7"


class Upstream:
    """Sends answers as far as the windows allow, and never further."""

    def __init__(self, chance: random.Random, window: int) -> None:
        self.chance = chance
        self.window = 65535
        self.first = window
        self.windows: dict[int, int] = {}
        self.bodies: dict[int, bytes] = {}

    def begin(self, stream: int, body: bytes) -> None:
        """Have an answer to send."""
        self.bodies[stream] = body
        self.windows.setdefault(stream, self.first)

    def take(self, frames: list[Frame]) -> None:
        """Follow window updates and resets."""
        for frame in frames:
            if frame.kind == h2.RST_STREAM:
                self.bodies.pop(frame.stream, None)
            if frame.kind == h2.WINDOW_UPDATE:
                increment = int.from_bytes(frame.payload, "big")
                assert increment > 0
                if frame.stream == 0:
                    self.window += increment
                elif frame.stream in self.windows:
                    self.windows[frame.stream] += increment
                assert max(self.window, *self.windows.values()) < 2**31

    def send(self, rig: Rig) -> bytes:
        """Return some frames of one answer, or nothing when no window is left."""
        ready = [
            stream for stream in self.bodies if not self.bodies[stream] or min(self.window, self.windows[stream]) > 0
        ]
        if not ready:
            return b""
        stream = self.chance.choice(ready)
        body = self.bodies[stream]
        if not body:
            del self.bodies[stream]
            return headers(rig.upstream, stream, {"grpc-status": "0", "n": str(self.chance.random())}, h2.END_STREAM)
        size = min(self.window, self.windows[stream], self.chance.choice((1, 5, 300, 16384)), 16384)
        padding = min(self.chance.choice((0, 0, 0, 9)), max(0, size - 2))
        part = body[: size - padding - 1] if padding else body[:size]
        self.bodies[stream] = body[len(part) :]
        sent = part if not padding else bytes([padding]) + part + bytes(padding)
        self.window -= len(sent)
        self.windows[stream] -= len(sent)
        return h2.frame(h2.DATA, h2.PADDED if padding else 0, stream, sent)


class Client:
    """Reads answers, strict about its windows, and gives them back when it pleases."""

    def __init__(self, chance: random.Random, window: int) -> None:
        self.chance = chance
        self.window = 65535
        self.first = window
        self.windows: dict[int, int] = {}
        self.got: dict[int, bytes] = {}
        self.ended: set[int] = set()
        self.eaten: deque[tuple[int, int]] = deque()
        self.decoder = python_decoder()

    def take(self, frames: list[Frame]) -> None:
        """Read what the relay sends."""
        for frame in frames:
            if frame.kind == h2.HEADERS:
                self.decoder.decode(frame.payload)
            if frame.kind == h2.DATA:
                assert frame.stream not in self.ended
                size = len(frame.payload)
                self.window -= size
                self.windows[frame.stream] -= size
                assert self.window >= 0
                assert self.windows[frame.stream] >= 0
                self.got[frame.stream] += frame.payload
                self.eaten.append((frame.stream, size))
            if frame.kind == h2.RST_STREAM or (frame.flags & h2.END_STREAM and frame.kind == h2.HEADERS):
                self.ended.add(frame.stream)

    def give(self) -> bytes:
        """Return window updates for some of what was read."""
        out = b""
        for _ in range(min(len(self.eaten), self.chance.choice((1, 3, 99)))):
            stream, size = self.eaten.popleft()
            if size:
                self.window += size
                out += h2.window_update(0, size)
                if stream not in self.ended:
                    self.windows[stream] += size
                    out += h2.window_update(stream, size)
        return out


def _answer(chance: random.Random, large: int) -> tuple[bytes, int, bytes, bool]:
    """Return an answer, whether it is compressed, its lean form, and whether it may be withheld."""
    calculations = field(1, SECRET * chance.choice((1, 50, large)))
    results = field(2, b"r" * chance.choice((1, 200, large)))
    shape = chance.choice(("usual", "usual", "first", "last", "both", "twice", "packed"))
    full, lean = {
        "usual": (calculations + results, results),
        "first": (results, results),
        "last": (results + calculations, results),
        "both": (results + calculations + results, results + results),
        "twice": (calculations + results + calculations, results),
        "packed": (gzip.compress(results + calculations), results),
    }[shape]
    return full, int(shape == "packed"), lean, shape == "twice"


@pytest.mark.parametrize("window", [1, 100, 20000, 65535, 10**6])
@pytest.mark.parametrize("seed", range(12))
def test_strict_peers_with_any_windows_and_answers(window: int, seed: int) -> None:
    """Every answer arrives lean, no window is overrun, no byte of calculations goes on, and nothing gets stuck."""
    chance = random.Random(f"{window}-{seed}")
    rig = Rig()
    upstream, client = Upstream(chance, window), Client(chance, window)
    upstream.take(rig.from_client(h2.frame(h2.SETTINGS, 0, 0, b"\0\4" + window.to_bytes(4, "big")))[1])
    large = 40 if window == 1 else 1500 if window == 100 else 60000
    wanted: dict[int, list[bytes]] = {}
    may_be_withheld: dict[int, bool] = {}
    for stream in range(1, 17, 2):
        answers = [_answer(chance, large) for _ in range(chance.choice((1, 2)))]
        wanted[stream] = [lean for _, _, lean, _ in answers]
        may_be_withheld[stream] = any(late for *_, late in answers)
        upstream.take(rig.from_client(rig.call(stream, SCORE if len(answers) == 1 else STREAM))[1])
        client.windows[stream], client.got[stream] = window, b""
        head = headers(rig.upstream, stream, {":status": "200", "grpc-encoding": "gzip", "n": str(stream)})
        client.take(rig.from_upstream(head)[0])
        upstream.begin(stream, b"".join(message(full, packed) for full, packed, _, _ in answers))
    _run(rig, upstream, client)
    assert client.ended == set(wanted)
    withheld = {record.span_id for record in rig.records if record.end is End.WITHHELD}
    for stream, leans in wanted.items():
        assert SECRET * 2 not in client.got[stream]
        if not may_be_withheld[stream]:
            assert messages_in(client.got[stream]) == leans
    assert len(withheld) <= sum(may_be_withheld.values())
    assert rig.capture.budget.used == 0


def _run(rig: Rig, upstream: Upstream, client: Client) -> None:
    """Let both peers act in random order until all is sent and read."""
    while upstream.bodies or client.eaten or client.ended != set(client.windows):
        moved = False
        data = b"".join(upstream.send(rig) for _ in range(upstream.chance.choice((1, 1, 8))))
        if data:
            moved = True
            down, up = rig.from_upstream(data)
            client.take(down)
            upstream.take(up)
        if not data or client.chance.random() < 0.3:
            data = client.give()
            if data:
                moved = True
                down, up = rig.from_client(data)
                client.take(down)
                upstream.take(up)
        assert moved, "stuck"


def _drive(rig: Rig, body: bytes, window: int) -> int:
    """Send an answer as its stream's window allows, to a caller that gives back half a window; returns what is left."""
    seen = 0
    rig.from_upstream(headers(rig.upstream, 1, {":status": "200"}))
    for _ in range(1000):
        part = body[: min(window, 16384)]
        if not part:
            break
        body, window = body[len(part) :], window - len(part)
        down, up = rig.from_upstream(h2.frame(h2.DATA, 0, 1, part))
        window += sum(int.from_bytes(f.payload, "big") for f in up if (f.kind, f.stream) == (h2.WINDOW_UPDATE, 1))
        seen += sum(len(f.payload) for f in down if f.kind == h2.DATA)
        if seen > 500_000:
            rig.from_client(h2.window_update(1, seen))
            window, seen = window + seen, 0
    return len(body)


@pytest.mark.parametrize("calculations", [940_000, 965_000, 967_000, 985_000, 1_100_000])
def test_results_pass_though_calculations_used_the_window_up(calculations: int) -> None:
    """What was taken out is given back before frames that pass whole run out of window."""
    rig = Rig()
    rig.from_client(h2.frame(h2.SETTINGS, 0, 0, b"\0\4" + (10**6).to_bytes(4, "big")))
    rig.from_client(rig.call())
    assert _drive(rig, message(field(1, bytes(calculations)) + field(2, bytes(100_000))), 10**6) == 0


def test_a_window_that_the_caller_shrinks_is_made_up_for() -> None:
    """When the window of a stream shrinks below what was taken out of its answer, that is given back at once."""
    rig = Rig()
    rig.from_client(rig.call())
    rig.from_upstream(headers(rig.upstream, 1, {":status": "200"}))
    _, up = rig.from_upstream(h2.frame(h2.DATA, 0, 1, message(field(1, bytes(9000)) + field(2, b"r"))))
    assert not up
    _, up = rig.from_client(h2.frame(h2.SETTINGS, 0, 0, b"\0\4" + (9000).to_bytes(4, "big")))
    given = [
        int.from_bytes(frame.payload, "big") for frame in up if (frame.kind, frame.stream) == (h2.WINDOW_UPDATE, 1)
    ]
    assert given == [len(field(1, bytes(9000)))]
