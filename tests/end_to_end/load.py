"""Callers that score documents until told to stop and remember what became of each call."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count
from typing import Any, Self

import grpc

from scorelens.v1 import scorer_pb2, scorer_pb2_grpc
from tests.end_to_end.processes import wait_until

OWN_CONNECTION = ("grpc.use_local_subchannel_pool", 1)
_CONNECT_LIMIT = 30.0


@dataclass(frozen=True)
class Failed:
    """A call without an answer; times are of the monotonic clock."""

    caller: int
    began: float
    ended: float
    code: grpc.StatusCode
    text: str


class Load:
    """A few callers on connections of their own, a call after the other for each, until the end of the block.

    Every call names its documents anew, beginning with `name`, so that `answered` holds exactly the documents whose
    answer arrived, and `failed` the calls that got none. A caller waits for `pause` seconds between its calls, so that
    what stores them need not be faster than this machine scores. Callers who are not `patient` connect first; later,
    their calls fail at once where nobody can take them.
    """

    def __init__(
        self,
        target: str,
        callers: int = 4,
        documents: int = 3,
        name: str = "load",
        pause: float = 0.0,
        *,
        patient: bool = True,
        options: Sequence[tuple[str, Any]] = (),
    ) -> None:
        self.answered: list[str] = []
        self.failed: list[Failed] = []
        self.calls = 0
        self._target, self._documents, self._name, self._pause = target, documents, name, pause
        self._patient, self._options = patient, [OWN_CONNECTION, *options]
        self._numbers = count()
        self._told = threading.Event()
        self._threads = [threading.Thread(target=self._call, args=(caller,)) for caller in range(callers)]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._told.set()
        for thread in self._threads:
            thread.join()

    @property
    def codes(self) -> set[grpc.StatusCode]:
        """The statuses of the calls that failed."""
        return {each.code for each in self.failed}

    def until_answered(self, more: int) -> None:
        """Wait until more documents are answered."""
        goal = len(self.answered) + more
        wait_until(
            lambda: len(self.answered) >= goal, f"{more} more documents are answered; failed: {self.failed[-3:]}"
        )

    def _call(self, caller: int) -> None:
        with grpc.insecure_channel(self._target, self._options) as channel:
            if not self._patient:
                grpc.channel_ready_future(channel).result(_CONNECT_LIMIT)
            stub = scorer_pb2_grpc.ScorerStub(channel)
            while not self._told.wait(self._pause):
                ids = [f"{self._name}-{caller}-{next(self._numbers)}" for _ in range(self._documents)]
                documents = [scorer_pb2.Document(id=name, kind="tweet", text=f"good and bad {name}") for name in ids]
                began = time.monotonic()
                self.calls += 1
                try:
                    stub.Score(scorer_pb2.ScoreRequest(documents=documents), timeout=20, wait_for_ready=self._patient)
                except grpc.RpcError as error:
                    failed = Failed(caller, began, time.monotonic(), error.code(), error.details() or "")
                    self.failed.append(failed)
                else:
                    self.answered += ids
