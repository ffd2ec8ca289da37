"""Why a document was not given a tag: what its margin lacks, what speaks against it, what others have (pure)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from scorelens_console.core.scores import Bar, Score, bars_of
from scorelens_console.core.words import Places
from scorelens_reading.calculation import Calculation
from scorelens_store.contract import Bucket, Record, Selection
from scorelens_store.fields import FIELDS
from scorelens_store.query.tree import All, Equals, Node, Range

SAMPLE: Final = 2_000
"""Documents with the tag whose reasons are counted, about."""
BUCKETS: Final = 1_000
"""Reasons that are counted; those of other tags are among them."""
SHOWN: Final = 10
AGAINST: Final = 8
LONGEST: Final = 100_000
"""Characters of a text in which features are looked for."""
_IDS: Final = 2**32


@dataclass(frozen=True)
class Reason:
    """A feature that gave the tag to others: to which share of those that were looked at, and whether it is here.

    `here` is None where nobody can tell: it is no word of the text, and not among the terms that were recorded.
    """

    feature: str
    share: float
    here: bool | None


@dataclass(frozen=True)
class WhyNot:
    """What keeps a tag from a document. `missing` is in margin, None where no threshold of the margin is known."""

    score: Score
    missing: float | None
    against: Sequence[Bar]
    speaking_for: Sequence[Bar]
    lacks: Sequence[Reason]
    has: Sequence[Reason]
    examined: int
    total: int


def tagged(tag: str, model: str) -> Selection:
    """Return the documents that a model gave a tag."""
    return Selection(All((Equals(FIELDS["tags"], tag), Equals(FIELDS["model.id"], model))))


def sample_of(selection: Selection, total: int) -> Selection:
    """Return about SAMPLE of so many documents, always the same ones: ids of records are hashes."""
    if total <= SAMPLE:
        return selection
    bound = f"{int(SAMPLE / total * _IDS):08x}"
    least: Node = Range(FIELDS["record.id"], None, bound, with_high=False)
    return Selection(All((selection.query, least)))


def why_not(score: Score, record: Record, buckets: Iterable[Bucket], examined: int, total: int) -> WhyNot:
    """Compare a document with those that were given the tag; `buckets` count their values of `because`."""
    bars = bars_of(score.calculation.terms if score.calculation else ())
    reasons = _reasons(buckets, score.tag, examined)
    here = _presence(reasons, record, score.calculation)
    found = [Reason(feature, share, here.get(feature)) for feature, share in reasons.items()]
    return WhyNot(
        score=score,
        missing=score.missing,
        against=[bar for bar in bars if not bar.speaks_for][:AGAINST],
        speaking_for=[bar for bar in bars if bar.speaks_for][:AGAINST],
        lacks=[reason for reason in found if not reason.here][:SHOWN],
        has=[reason for reason in found if reason.here][:SHOWN],
        examined=examined,
        total=total,
    )


def _reasons(buckets: Iterable[Bucket], tag: str, examined: int) -> Mapping[str, float]:
    """Return to which share of the documents each feature is a reason for the tag, the most frequent first."""
    beginning = f"{tag}:"
    return {
        str(bucket.key).removeprefix(beginning): bucket.count / max(1, examined)
        for bucket in buckets
        if str(bucket.key).startswith(beginning)
    }


def _presence(features: Iterable[str], record: Record, one: Calculation | None) -> Mapping[str, bool]:
    """Tell which features are here; those are left out of which nobody can tell.

    A feature that is neither in the text nor among the terms is not here if all terms were recorded, or if the model
    looks at nothing but the words of the text, as far as its terms show.
    """
    terms = {term.feature for term in one.terms} if one else set()
    document = record.get("document") or {}
    text = f"{document.get('title') or ''}\n{document.get('text') or ''}"
    listed = list(features)
    in_text = Places(text[:LONGEST]).find({*listed, *terms})
    known = {feature: True for feature in listed if feature in terms or feature in in_text}
    whole = one is not None and one.explanation != "none" and not one.remainder_terms
    words_alone = bool(terms) and terms <= in_text.keys() and len(text) <= LONGEST
    return dict.fromkeys(listed, False) | known if whole or words_alone else known
