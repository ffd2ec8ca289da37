"""Models as users write them, good and bad."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from scorelens.v1.scorer_pb2 import Document
from scorelens_scorer.calculations import additive
from scorelens_scorer.model import Calculations, Explanation, Scoring, Tag


class Loud:
    """Tells documents in capitals; gives no reasons."""

    id, version = "loud", "1"
    description = "Tells documents in capitals from others."
    tags: Sequence[Tag] = (Tag("loud", "Loud", group="style"),)
    kinds: Sequence[str] = ()

    def score(self, documents: Sequence[Document], terms: int) -> Any:
        """Score by case."""
        return Scoring([[float(document.text.isupper())] for document in documents])


class Foreign(Loud):
    """Has tags whose names cannot be ids."""

    id = "foreign"
    tags = (Tag("Краткосрочный кредит", threshold=0.25), Tag("fast.loan now", group="offer"))
    kinds = ("chat",)

    def score(self, documents: Sequence[Document], terms: int) -> Any:
        """Give every document the same probabilities, with reasons."""
        chances = np.tile([0.25, 0.2], (len(documents), 1))
        added = np.tile([[0.2, 0.0], [0.1, -0.05]], (len(documents), 1, 1))
        return additive(chances, added, ["length", "age"], terms, intermediates={"votes": chances * 100})


class Faulty(Loud):
    """Does whatever a model must not do, as the document says."""

    id = "faulty"

    def score(self, documents: Sequence[Document], terms: int) -> Any:
        """Break the interface."""
        count = len(documents)
        match documents[0].text:
            case "raise":
                raise RuntimeError("secret cause")
            case "nan":
                return Scoring([[float("nan")]] * count)
            case "shape":
                return Scoring([0.5] * count)
            case "above":
                return Scoring([[1.5]] * count)
            case "none":
                return None
            case "words":
                return Scoring([["much"]] * count)
            case "margins":
                return Scoring([[0.5]] * count, Calculations(Explanation.NONE, np.zeros(1), np.zeros((count, 3))))
            case "starts":
                wrong = Calculations(
                    Explanation.APPROXIMATE, np.zeros(1), np.zeros((count, 1)), starts=np.array([0, 5]), features=["a"]
                )
                return Scoring([[0.5]] * count, wrong)
            case _:
                return Scoring([[0.5]] * count)


class Slow(Loud):
    """Waits in its first call until it is let go, and counts its calls."""

    id = "slow"

    def __init__(self) -> None:
        self.calls = 0
        self.entered, self.go = threading.Event(), threading.Event()

    def score(self, documents: Sequence[Document], terms: int) -> Any:
        """Wait."""
        self.calls += 1
        self.entered.set()
        self.go.wait(30)
        return super().score(documents, terms)


slow = Slow()


class Collision(Loud):
    """Has two names for one id."""

    tags = (Tag("refund"), Tag("refund", "Money back"))


class NoScore:
    """Is no model."""

    id, version, description, tags, kinds = "x", "1", "", (Tag("a"),), ()


def broken() -> Loud:
    """Fail while it is made."""
    raise RuntimeError("no weights here")


class Gated(Loud):
    """Lets each batch pass only when told, and remembers the texts of all batches; some texts break its word."""

    id = "gated"

    def __init__(self) -> None:
        self.batches: list[list[str]] = []
        self.gate, self.blocked = threading.Semaphore(0), threading.Event()

    def let(self, batches: int = 10**6) -> None:
        """Let some batches pass."""
        self.gate.release(batches)

    def score(self, documents: Sequence[Document], terms: int) -> Any:
        """Wait, then score by case."""
        texts = [document.text for document in documents]
        self.batches.append(texts)
        self.gate.acquire(timeout=60)
        if "raise" in texts:
            raise RuntimeError("secret cause")
        if "block" in texts:
            self.blocked.wait(60)
        return super().score(documents, terms)


gated = Gated()


class UntilFile(Loud):
    """Waits until there is the file that the first document names, so that another process can let it go."""

    id = "until-file"

    def score(self, documents: Sequence[Document], terms: int) -> Any:
        """Wait, then score by case."""
        limit = time.monotonic() + 60
        while not Path(documents[0].text).exists() and time.monotonic() < limit:
            time.sleep(0.01)
        return super().score(documents, terms)
