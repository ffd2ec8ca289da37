"""Models as they are served: checked when they are taken on, and at every answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from scorelens.v1 import scorer_pb2
from scorelens.v1.scorer_pb2 import Document
from scorelens_scorer.encode import Encoder
from scorelens_scorer.errors import ModelFaultError, ModelRefusedError
from scorelens_scorer.model import Calculations, Floats, Model, Scoring
from scorelens_scorer.tags import Tag, served_tags

_MISSING = object()


@dataclass(frozen=True)
class Served:
    """A model with tags that can be served."""

    model: Model
    id: str
    version: str
    kinds: frozenset[str]
    tags: tuple[Tag, ...]
    description: scorer_pb2.Model

    @classmethod
    def of(cls, model: object) -> Served:
        """Take a model on. Raises ModelRefusedError where it is none, or its tags cannot be served."""
        for name in ("id", "version", "description", "tags", "kinds", "score"):
            if getattr(model, name, _MISSING) is _MISSING:
                raise ModelRefusedError(f"model {model!r} has no {name}; see scorelens_scorer.model")
        assert isinstance(model, Model)  # noqa: S101 - told to the type checker; the loop above has looked
        name = f"{model.id} {model.version}"
        for attribute in ("id", "version"):
            value = getattr(model, attribute)
            if not isinstance(value, str) or not value:
                raise ModelRefusedError(f"model {name}: its {attribute} is not a string with something in it")
        if isinstance(model.kinds, str):
            raise ModelRefusedError(f"model {name}: its kinds are one string, not a sequence of them")
        tags = served_tags(model.tags, name)
        described = scorer_pb2.Model(
            id=model.id, version=model.version, kinds=model.kinds, description=str(model.description)
        )
        for tag in tags:
            described.tags.add(id=tag.id, title=tag.title, group=tag.group, threshold=tag.threshold)
        return cls(model, model.id, model.version, frozenset(model.kinds), tags, described)

    @cached_property
    def encoder(self) -> Encoder:
        """What makes messages of this model's scores."""
        return Encoder(self.id, self.version, self.tags)

    def score(self, documents: Sequence[Document], terms: int) -> tuple[Floats, Calculations | None]:
        """Return probabilities (documents, tags) and, where terms are asked for, calculations.

        Raises ModelFaultError for what the model must not do.
        """
        try:
            scoring = self.model.score(documents, terms)
        except Exception as error:
            raise ModelFaultError(f"model {self.id} {self.version} raised {type(error).__name__}") from error
        if not isinstance(scoring, Scoring):
            raise self._fault(f"returned {type(scoring).__name__}, not a Scoring")
        shape = (len(documents), len(self.tags))
        try:
            chances = np.asarray(scoring.probabilities, dtype=np.float64)
        except (TypeError, ValueError) as error:
            raise self._fault("returned probabilities that are not numbers") from error
        if chances.shape != shape:
            raise self._fault(f"returned probabilities of shape {chances.shape}, not {shape}")
        if not ((chances >= 0) & (chances <= 1)).all():
            raise self._fault("returned a probability that is not from 0 to 1")
        if not terms:
            return chances, None
        if scoring.calculations is not None:
            self._check(scoring.calculations, shape)
        return chances, scoring.calculations

    def _check(self, made: Calculations, shape: tuple[int, int]) -> None:
        arrays = {"margins": made.margins, "remainders": made.remainders, "remainder_terms": made.remainder_terms}
        for name, array in (arrays | _named(made.intermediates)).items():
            if array is not None and np.shape(array) != shape:
                raise self._fault(f"returned {name} of shape {np.shape(array)}, not {shape}")
        if np.shape(made.intercepts) not in (shape, shape[1:]):
            raise self._fault(f"returned intercepts of shape {np.shape(made.intercepts)}, not {shape[1:]} or {shape}")
        if made.link_parameters and len(made.link_parameters) != shape[1]:
            raise self._fault(f"returned {len(made.link_parameters)} link parameters, not one per tag")
        if made.starts is not None:
            self._check_terms(made, shape[0] * shape[1])

    def _check_terms(self, made: Calculations, count: int) -> None:
        starts = np.asarray(made.starts)
        if starts.shape != (count + 1,) or starts[0] != 0 or (np.diff(starts) < 0).any():
            raise self._fault(f"returned starts that are not {count + 1} growing numbers from 0")
        named = "features" if made.columns is None else "columns"
        for name in (named, "values", "coefficients", "contributions"):
            if len(getattr(made, name)) != starts[-1]:
                raise self._fault(f"returned {len(getattr(made, name))} {name}, not {starts[-1]}")
        if (
            made.columns is not None
            and starts[-1]
            and not 0 <= np.min(made.columns) <= np.max(made.columns) < len(made.features)
        ):
            raise self._fault(f"returned columns that are not from 0 to {len(made.features) - 1}")

    def _fault(self, what: str) -> ModelFaultError:
        return ModelFaultError(f"model {self.id} {self.version} {what}")


def _named(intermediates: Mapping[str, Floats]) -> dict[str, Floats | None]:
    return {f"intermediate {name!r}": array for name, array in intermediates.items()}
