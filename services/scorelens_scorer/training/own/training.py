"""From a labelled file to a model that is kept: the whole way."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy
import scipy
import sklearn

from scorelens_scorer.linear_model import LinearModel
from scorelens_scorer.model import Floats
from scorelens_scorer.registry.kept import Registry
from scorelens_scorer.registry.trying import tried
from scorelens_scorer.tags import Tag
from scorelens_scorer.training.examples import Examples
from scorelens_scorer.training.own.dividing import ASIDE, HELD_OUT, LEARN, divide, learnable, of_part
from scorelens_scorer.training.own.errors import UnteachableError
from scorelens_scorer.training.own.labels import checked_names
from scorelens_scorer.training.own.making import Made, features_of, make, strongest
from scorelens_scorer.training.own.measuring import OneOfMany, TagQuality, measure, one_of_many
from scorelens_scorer.training.own.reading import ACTIVITY, Counts, Labelled, Step, Wanted, file_hash, read

WORDS = 8
SHOWN = 10


@dataclass(frozen=True)
class Plan:
    """What to train: from which file and columns, under which id, for which kinds of documents."""

    file: str
    wanted: Wanted
    id: str
    kinds: tuple[str, ...] = ()
    group: str = ""
    words_only: bool = False
    options: tuple[str, ...] = ()  # as they were given, for the card


@dataclass(frozen=True)
class Outcome:
    """What came of it: the model, its figures on the held-out documents, and what a card tells of its making."""

    plan: Plan
    model: LinearModel
    counts: Counts
    kind: str
    sizes: Mapping[str, int]
    left_out: Mapping[str, str]
    quality: Mapping[str, TagQuality]
    one_of_many: OneOfMany | None
    words: Mapping[str, tuple[Sequence[str], Sequence[str]]]
    chances: Floats
    held_out: Examples


def train(plan: Plan, registry: Registry, step: Step) -> Outcome:
    """Read, learn and measure. Raises ScorelensError for what nothing can be learned from; writes nothing."""
    labelled = read(plan.file, plan.wanted, step)
    parts = divide(labelled)
    names, left_out = learnable(labelled, parts)
    if not names:
        raise _unteachable(labelled, left_out)
    checked_names(names)
    learn, aside, held_out = (of_part(labelled, parts, part) for part in (LEARN, ASIDE, HELD_OUT))
    step("choosing words", 0, 0)
    features = features_of(labelled.kind, learn, labelled.identity[parts == LEARN], plan.words_only)
    group = plan.group or ("offer" if labelled.kind == ACTIVITY else "topic")
    made = make(learn, aside, [Tag(name, name, group) for name in names], features, step)
    step("measuring", 0, 0)
    chances = made.chances(held_out.documents)
    quality = measure(chances, made.tags, held_out)
    together = one_of_many(chances, made.tags, held_out)
    sizes = {"learn": len(learn.documents), "calibrate": len(aside.documents), "held_out": len(held_out.documents)}
    facts = _facts(plan, labelled, sizes, left_out, made, quality, together)
    model = _model(plan, labelled.kind, made, facts, registry)
    words = {tag.id: strongest(made, place, WORDS) for place, tag in enumerate(made.tags)}
    return Outcome(
        plan, model, labelled.counts, labelled.kind, sizes, left_out, quality, together, words, chances, held_out
    )


def _model(plan: Plan, kind: str, made: Made, facts: dict[str, Any], registry: Registry) -> LinearModel:
    # A model for any kind would take documents without a kind from the models that scored them until now.
    kinds = plan.kinds or (("activity",) if kind == ACTIVITY else (plan.id,))
    what = "customers' activity" if kind == ACTIVITY else "texts"
    titles = ", ".join(tag.id for tag in made.tags[:SHOWN]) + (", …" if len(made.tags) > SHOWN else "")
    model = made.model(
        facts,
        id=plan.id,
        version=_version(registry, plan.id, made.digest(kinds)),
        description=f"Tags {what} with {titles}. Trained on {facts['data']['used']:,} rows of {_name(plan.file)}.",
        kinds=kinds,
    )
    tried(model)
    return model


def _version(registry: Registry, model: str, digest: str) -> str:
    """Return the next number and the digest; the version that is kept where it is the same model."""
    numbers = [0]
    for version in registry.versions(model):
        number, _, own = version.partition("-")
        if own == digest:
            return version
        numbers.append(int(number) if number.isdecimal() else 0)
    return f"{max(numbers) + 1}-{digest}"


def _facts(
    plan: Plan,
    labelled: Labelled,
    sizes: Mapping[str, int],
    left_out: Mapping[str, str],
    made: Made,
    quality: Mapping[str, TagQuality],
    together: OneOfMany | None,
) -> dict[str, Any]:
    counts = labelled.counts
    return {
        "data": {
            "file": _name(plan.file),
            "sha256": file_hash(plan.file),
            "rows": counts.rows,
            "used": len(labelled.examples.documents),
            "unreadable": counts.unreadable,
            "empty": counts.empty,
            "not_sampled": counts.not_sampled,
            "duplicates": counts.duplicates,
            "without_tags": counts.untagged,
            "options": list(plan.options),
        },
        "split": dict(sizes),
        "features": len(made.features.names),
        "strengths": made.strengths,
        "libraries": {"scikit-learn": sklearn.__version__, "numpy": numpy.__version__, "scipy": scipy.__version__},
        "tags_left_out": dict(left_out),
        "quality": {tag: figures.as_json() for tag, figures in quality.items()},
        "one_of_many": together.as_json() if together else None,
    }


def _name(file: str) -> str:
    return "standard input" if file == "-" else Path(file).name


def _unteachable(labelled: Labelled, left_out: Mapping[str, str]) -> UnteachableError:
    count = len(labelled.examples.documents)
    rows = f"{count:,} usable row{'' if count == 1 else 's'}"
    if not left_out:
        return UnteachableError(f"--tags: none of {rows} has a tag")
    listed = "; ".join(f"{tag[:60]!r}: {reason}" for tag, reason in list(left_out.items())[:SHOWN])
    more = f"; and {len(left_out) - SHOWN:,} more" if len(left_out) > SHOWN else ""
    hint = "".join(f". {hint}" for hint in labelled.counts.hints)
    return UnteachableError(f"--tags: no tag can be learned from {rows}: {listed}{more}{hint}")
