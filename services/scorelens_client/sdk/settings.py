"""What a client is set to, checked, and what one call of it makes of that."""

from __future__ import annotations

import math
import time
import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from scorelens.conventions import DEFAULT_PURPOSE, PURPOSES
from scorelens.v1.scorer_pb2 import Document
from scorelens_client.sdk.inputs import each_of, is_one, read, read_columns
from scorelens_client.sdk.rows import Scores
from scorelens_client.sdk.scores import Score
from scorelens_client.sdk.steps import Asking, Batch, Terms, batches_of, metadata_of
from scorelens_client.sdk.streaming import Backlog, Pending
from scorelens_documents.unread import overlooked
from scorelens_runtime.errors import ScorelensError, SettingError

BATCH_BYTES: Final = 4 * 2**20
MOST_TERMS: Final = 2**32 - 1

TermCount = int | Literal["all"]
OnError = Literal["raise", "keep"]


@dataclass(frozen=True)
class Settings:
    """How a client calls. `timeout` is the seconds that one request may take with all its tries.

    `batch` is the most documents of one request, `parallel` how many requests are in flight.
    """

    timeout: float = 60.0
    retries: int = 12
    purpose: str = DEFAULT_PURPOSE
    batch: int = 100
    parallel: int = 4
    metadata: Mapping[str, str] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        check_seconds("timeout", self.timeout)
        _check_whole("retries", self.retries, 0, 1_000_000)
        _check_whole("batch", self.batch, 1, 100_000)
        _check_whole("parallel", self.parallel, 1, 64)
        check_purpose(self.purpose)
        for key, value in self.metadata.items():
            if not isinstance(value, str) or not key.isascii() or key != key.lower():
                raise SettingError(f"metadata: {key!r} must be a lower-case ASCII name with a text")


@dataclass(frozen=True)
class Scoring:
    """One call of score: the documents by place, whether it was a single one, and how they are asked for.

    `unread` stand for what was given in the place of a document and is none.
    """

    documents: Mapping[int, Document]
    unread: Sequence[Score]
    single: bool
    asking: Asking
    metadata: tuple[tuple[str, str], ...]
    batches: Sequence[Batch]
    parallel: int


def plan(
    settings: Settings,
    given: Any,
    asking: Asking,
    purpose: str | None,
    columns: Mapping[str, str] | None,
) -> Scoring:
    """Read everything that is to be scored. Raises ScorelensError before anything is sent."""
    single = is_one(given)
    found = enumerate([read(given, "document", read_columns(columns))] if single else each_of(given, columns))
    documents: dict[int, Document] = {}
    unread: list[Score] = []
    for place, one in found:
        if isinstance(one, Document):
            documents[place] = one
        elif asking.keep_errors:
            unread.append(Score(place, one.document_id, error=str(one.error)))
        else:
            raise one.error
    _warn_of_what_says_nothing(documents.values())
    batches = list(batches_of(documents, settings.batch, BATCH_BYTES))
    return Scoring(
        documents,
        unread,
        single,
        asking,
        metadata_for(settings, asking, purpose),
        batches,
        min(settings.parallel, len(batches)),
    )


def _warn_of_what_says_nothing(documents: Iterable[Document]) -> None:
    column = overlooked(documents)
    if column:
        warnings.warn(
            "no document has a text, title or events: a column of another name is named by columns=, such as "
            f'columns={{"text": "{column}"}}',
            UserWarning,
            stacklevel=4,  # whoever calls score
        )


def asking_for(
    model: str, model_version: str, full: bool, terms: TermCount | None, errors: OnError = "raise"
) -> Asking:
    """Read how documents are to be scored. Raises SettingError that names the argument."""
    if model_version and not model:
        raise SettingError("model_version: needs model; name the model, too, or neither")
    if terms is not None and terms != "all":
        _check_whole("terms", terms, 1, MOST_TERMS)
    if errors not in ("raise", "keep"):
        raise SettingError(f"errors: {errors!r} is neither raise nor keep")
    count = terms if isinstance(terms, int) else 0
    return Asking(model, model_version, full or terms is not None, count, terms == "all", errors == "keep")


def metadata_for(settings: Settings, asking: Asking, purpose: str | None) -> tuple[tuple[str, str], ...]:
    """Return the metadata of a call. Raises SettingError for an unknown purpose."""
    if purpose is not None:
        check_purpose(purpose)
    return metadata_of(purpose or settings.purpose, asking.full, settings.metadata)


def terms_of(settings: Settings, timeout: float | None, address: str) -> Terms:
    """Return the terms of a call that begins now; `timeout` is for all of it, None for as long as it takes."""
    if timeout is not None:
        check_seconds("timeout", timeout)
    end = None if timeout is None else time.monotonic() + timeout
    return Terms(settings.timeout, settings.retries, end, f"the scorer at {address}")


def stream_parts(settings: Settings, asking: Asking) -> tuple[Backlog, Pending]:
    """Return what keeps the books of one stream."""
    return Backlog(settings.batch, BATCH_BYTES), Pending(asking)


def finished(scoring: Scoring, done: list[Score], error: ScorelensError) -> None:
    """Let the documents that were not answered say why, where errors are kept and anything was answered; else raise."""
    if not done or not scoring.asking.keep_errors:
        raise error
    answered = {score.place for score in done}
    others = [(place, document.id) for place, document in scoring.documents.items() if place not in answered]
    done += [Score(place, name, error=str(error)) for place, name in others]


def outcome(scoring: Scoring, done: Sequence[Score]) -> Score | Scores:
    """Return the score of a single document, or those of all that were given, in their order."""
    every = sorted([*done, *scoring.unread], key=lambda score: score.place) if scoring.unread else list(done)
    return every[0] if scoring.single else Scores(every)


def check_seconds(name: str, seconds: float) -> None:
    """Raise SettingError for what is no time to wait."""
    if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not 0 < seconds < math.inf:
        raise SettingError(f"{name}: must be a number of seconds above 0, not {seconds!r}")


def check_purpose(purpose: str) -> None:
    """Raise SettingError for an unknown purpose."""
    if purpose not in PURPOSES:
        raise SettingError(f"purpose: {purpose!r} is none of {', '.join(PURPOSES)}")


def _check_whole(name: str, number: int, least: int, most: int) -> None:
    if isinstance(number, bool) or not isinstance(number, int) or not least <= number <= most:
        raise SettingError(f"{name}: must be a whole number from {least} to {most:,}, not {number!r}")
