"""Callers that score documents until told to stop and remember which answers they got."""

from __future__ import annotations

import threading
from itertools import count

import grpc

from scorelens.v1 import scorer_pb2, scorer_pb2_grpc

RETRYABLE = (grpc.StatusCode.UNAVAILABLE,)


class Load:
    """A few callers on connections of their own.

    Every attempt names its documents anew, beginning with `name`, so that `answered` holds exactly the documents whose
    answer arrived, and `failed` the statuses of the attempts that got none. A caller waits for `pause` seconds between
    its calls, so that what stores them need not be faster than this machine scores.
    """

    def __init__(
        self, target: str, callers: int = 4, documents: int = 3, name: str = "load", pause: float = 0.0
    ) -> None:
        self.answered: list[str] = []
        self.failed: list[grpc.StatusCode] = []
        self._target, self._documents, self._name, self._pause = target, documents, name, pause
        self._numbers = count()
        self._told = threading.Event()
        self._threads = [threading.Thread(target=self._call, args=(caller,)) for caller in range(callers)]

    def __enter__(self) -> Load:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._told.set()
        for thread in self._threads:
            thread.join()

    def _call(self, caller: int) -> None:
        with grpc.insecure_channel(self._target, [("grpc.use_local_subchannel_pool", 1)]) as channel:
            stub = scorer_pb2_grpc.ScorerStub(channel)
            while not self._told.wait(self._pause):
                ids = [f"{self._name}-{caller}-{next(self._numbers)}" for _ in range(self._documents)]
                documents = [scorer_pb2.Document(id=name, kind="tweet", text=f"good and bad {name}") for name in ids]
                try:
                    stub.Score(scorer_pb2.ScoreRequest(documents=documents), timeout=20, wait_for_ready=True)
                except grpc.RpcError as error:
                    self.failed.append(error.code())
                else:
                    self.answered += ids
