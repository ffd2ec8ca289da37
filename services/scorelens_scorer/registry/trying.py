"""Whether a model that was read also scores."""

from __future__ import annotations

from typing import Final

from scorelens.v1.scorer_pb2 import ActivityEvent, Document
from scorelens_scorer.errors import ModelFaultError, ModelRefusedError
from scorelens_scorer.served import Served

_TRIAL: Final = (
    Document(title="A title", text="Some words to warm up, and a few more."),
    Document(kind="activity", events=[ActivityEvent(type="salary", amount=2000.0), ActivityEvent(type="rent")]),
    Document(),
)


def tried(model: object) -> Served:
    """Return a model ready to be served: it has scored and explained documents once. Raises ModelRefusedError."""
    served = Served.of(model)
    try:
        served.score(_TRIAL, 20)
    except ModelFaultError as error:
        raise ModelRefusedError(f"{error}, when it was tried") from error
    _ = served.encoder  # made now rather than by the first call
    return served
