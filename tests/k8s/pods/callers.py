"""Callers on real gRPC channels, which hear of pods by DNS alone and remember what became of each call."""

from __future__ import annotations

import json
import threading
import time
from dataclasses import dataclass
from itertools import count
from typing import Any

import grpc

from scorelens.v1 import scorer_pb2, scorer_pb2_grpc
from tests.end_to_end.processes import wait_until

_RETRY = {
    "name": [{"service": "scorelens.v1.Scorer"}],
    "retryPolicy": {
        "maxAttempts": 5,
        "initialBackoff": "0.2s",
        "maxBackoff": "2s",
        "backoffMultiplier": 2,
        "retryableStatusCodes": ["UNAVAILABLE"],
    },
}


@dataclass(frozen=True)
class Failed:
    """A call without an answer; times are of the monotonic clock."""

    caller: int
    began: float
    ended: float
    code: grpc.StatusCode
    text: str


class Callers:
    """Score documents, a call after the other for each caller, until the end of the block.

    Each caller has a channel of its own, which spreads calls over all pods. Calls fail at once where nobody can take
    them, unless the callers `retry` as gRPC's service config lets them. `answered` are the documents whose answers
    arrived; a call that is tried again names its documents as before.
    """

    def __init__(
        self, target: str, callers: int = 4, pause: float = 0.2, name: str = "d", *, retry: bool = False
    ) -> None:
        self.answered: list[str] = []
        self.failed: list[Failed] = []
        self.calls = 0
        self._target, self._pause, self._name = target, pause, name
        config: dict[str, Any] = {"loadBalancingConfig": [{"round_robin": {}}]}
        if retry:
            config["methodConfig"] = [_RETRY]
        self._options: list[tuple[str, Any]] = [
            ("grpc.use_local_subchannel_pool", 1),
            ("grpc.service_config", json.dumps(config)),
            ("grpc.enable_retries", 1),
            ("grpc.dns_min_time_between_resolutions_ms", 1000),  # 30 s otherwise, which would make every test longer
        ]
        self._numbers = count()
        self._told = threading.Event()
        self._threads = [threading.Thread(target=self._call, args=(number,)) for number in range(callers)]

    def __enter__(self) -> Callers:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._told.set()
        for thread in self._threads:
            thread.join()

    def until_answered(self, more: int) -> None:
        """Wait until more documents are answered."""
        goal = len(self.answered) + more
        wait_until(
            lambda: len(self.answered) >= goal, f"{more} more documents are answered; failed: {self.failed[-3:]}"
        )

    def failed_since(self, moment: float) -> list[Failed]:
        """List the failed calls that began after a moment."""
        return [each for each in self.failed if each.began > moment]

    def _call(self, caller: int) -> None:
        with grpc.insecure_channel(self._target, self._options) as channel:
            grpc.channel_ready_future(channel).result(30)
            stub = scorer_pb2_grpc.ScorerStub(channel)
            while not self._told.wait(self._pause):
                names = [f"{self._name}-{caller}-{next(self._numbers)}" for _ in range(2)]
                documents = [scorer_pb2.Document(id=name, kind="tweet", text=f"good refund {name}") for name in names]
                began = time.monotonic()
                self.calls += 1
                try:
                    stub.Score(scorer_pb2.ScoreRequest(documents=documents), timeout=20)
                except grpc.RpcError as error:
                    failed = Failed(caller, began, time.monotonic(), error.code(), error.details() or "")
                    self.failed.append(failed)
                else:
                    self.answered += names
