"""Query trees of every kind, for properties."""

from __future__ import annotations

from datetime import UTC

from hypothesis import strategies as st

from scorelens_store.fields import FIELDS, Field, Type, find_field
from scorelens_store.query import tree
from scorelens_store.query.parse import MAX_DEPTH, can_be_apart, depth

_OPEN = ("score.complaint", "margin.praise", "document.attributes.campaign", "labels.verdict")
_WORDS = st.text(st.sampled_from("abé 😭\\*?\"'{}\u0000\u0002"), max_size=6)
_VALUES: dict[Type, st.SearchStrategy[tree.Value]] = {
    Type.TEXT: _WORDS,
    Type.KEYWORD: _WORDS,
    Type.FLOAT: st.floats(width=32, allow_nan=False, allow_infinity=False) | st.integers(-9, 9),
    Type.INTEGER: st.integers(-(2**63), 2**63 - 1),
    Type.DATE: st.datetimes().map(lambda moment: moment.replace(fold=0, tzinfo=UTC)),
    Type.BOOLEAN: st.booleans(),
}


def trees() -> st.SearchStrategy[tree.Node]:
    """Return a strategy for trees that stores answer."""
    return st.recursive(_leaves(), _extended, max_leaves=12).filter(lambda node: depth(node) <= MAX_DEPTH)


def fields(*types: Type, of_any_name: bool = True) -> st.SearchStrategy[Field]:
    """Return a strategy for fields of some types, open ones included."""
    known = [*FIELDS.values(), *(found for name in _OPEN if of_any_name and (found := find_field(name)))]
    return st.sampled_from([field for field in known if not types or field.type in types])


def _leaves() -> st.SearchStrategy[tree.Node]:
    texts = fields(Type.TEXT, Type.KEYWORD, of_any_name=False)
    return st.one_of(
        st.just(tree.Everything()),
        st.just(tree.Nothing()),
        fields().map(tree.Exists),
        fields().flatmap(lambda field: st.builds(tree.Equals, st.just(field), _VALUES[field.type])),
        st.builds(
            tree.Phrase, fields(Type.TEXT), st.lists(_WORDS, min_size=2, max_size=4).map(tuple), st.integers(0, 9)
        ).filter(lambda phrase: can_be_apart(len(phrase.words), phrase.slop)),
        fields(Type.KEYWORD, Type.FLOAT, Type.INTEGER, Type.DATE).flatmap(_ranges),
        st.builds(tree.Wildcard, texts, _WORDS),
        st.builds(tree.Fuzzy, texts, _WORDS, st.sampled_from((1, 2))),
    )


def _ranges(field: Field) -> st.SearchStrategy[tree.Node]:
    bound = st.none() | _VALUES[field.type]
    return st.builds(tree.Range, st.just(field), bound, bound, st.booleans(), st.booleans())


def _extended(node: st.SearchStrategy[tree.Node]) -> st.SearchStrategy[tree.Node]:
    several = st.lists(node, min_size=1, max_size=4).map(tuple)
    weight = st.floats(0, 1e6)
    return st.one_of(
        st.builds(tree.All, several),
        st.builds(tree.Any, several),
        st.builds(tree.Not, node),
        st.builds(tree.Boost, node, weight),
    )
