"""Finding models by name, and which of them scores what."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from scorelens_scorer.errors import ModelRefusedError
from scorelens_scorer.linear_model import LinearModel
from scorelens_scorer.lineup import Lineup
from scorelens_scorer.router import Router
from scorelens_scorer.saved import save
from scorelens_scorer.served import Served
from tests.scorelens_scorer.own_models import Foreign, Loud, NoScore

OWN = "tests.scorelens_scorer.own_models"


def test_no_name_means_both_reference_models(cache: Path, tagger: LinearModel, ranker: LinearModel) -> None:
    """Without a name the reference models are served, from the cache."""
    assert [served.version for served in Lineup((), cache).load()] == [tagger.version, ranker.version]


def test_models_are_found_in_folders_and_modules(ranker: LinearModel, tmp_path: Path) -> None:
    """A folder, a class, an instance and a dotted attribute are found."""
    save(ranker, tmp_path / "mine")
    found = Lineup((str(tmp_path / "mine"), f"{OWN}:Loud", f"{OWN}:slow", f"{OWN}:Foreign"), tmp_path).load()
    assert [served.id for served in found] == ["offer-ranker", "loud", "slow", "foreign"]


def test_models_are_found_by_entry_point(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An installed package offers a model under a name of the group scorelens.models."""
    metadata = tmp_path / "shouting-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: shouting\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text(f"[scorelens.models]\nshouting = {OWN}:Loud\n")
    monkeypatch.setattr(sys, "path", [*sys.path, str(tmp_path)])
    assert [served.id for served in Lineup(("shouting",), tmp_path).load()] == ["loud"]
    with pytest.raises(ModelRefusedError, match="media-tagger, offer-ranker, shouting"):
        Lineup(("shuting",), tmp_path).load()


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("nothing", "'nothing' is no folder"),
        ("./nowhere", "nowhere: manifest.json cannot be read"),
        ("no.such.module:Model", "ModuleNotFoundError"),
        (f"{OWN}:missing", "AttributeError"),
        (f"{OWN}:broken", "RuntimeError: no weights here"),
        (f"{OWN}:NoScore", "has no score"),
        (f"{OWN}:Collision", "same id, refund"),
        (":", "cannot be loaded"),
    ],
)
def test_what_is_no_model_is_refused(name: str, text: str, tmp_path: Path) -> None:
    """Each wrong name is refused in one line that says why."""
    with pytest.raises(ModelRefusedError, match=text) as refused:
        Lineup((name,), tmp_path).load()
    assert "\n" not in str(refused.value)


def version(number: str, kinds: tuple[str, ...] = (), name: str = "loud") -> Served:
    """Return a model of some version, kinds and id."""
    made = Loud()
    made.id, made.version, made.kinds = name, number, kinds
    return Served.of(made)


def test_the_first_version_named_is_in_use() -> None:
    """Of several versions the first scores what names none; each can be named."""
    router = Router([version("2"), version("1")])
    assert router.named("loud", "").version == "2"
    assert router.named("loud", "1").version == "1"
    assert [served.version for served in router.all()] == ["2", "1"]


def test_kinds_choose_the_model() -> None:
    """A model that names the kind goes before one for any kind, and that before the first of all."""
    some, any_kind = version("1", ("a", "b"), "some"), version("1", (), "any")
    assert Router([any_kind, some]).for_kind("b") is some
    assert Router([some, any_kind]).for_kind("c") is any_kind
    assert Router([some]).for_kind("c") is some


def test_the_same_version_twice_and_no_model_are_refused() -> None:
    """Names that would hide one another are refused, like an empty list."""
    with pytest.raises(ModelRefusedError, match="loud 1 is named twice"):
        Router([version("1"), version("1")])
    with pytest.raises(ModelRefusedError, match="no model"):
        Router([])


@pytest.mark.parametrize(
    ("attribute", "value", "text"),
    [("id", "", "its id"), ("version", 1, "its version"), ("kinds", "chat", "its kinds"), ("tags", (), "no tags")],
)
def test_a_model_with_wrong_attributes_is_refused(attribute: str, value: object, text: str) -> None:
    """The attribute is named."""
    made = Foreign()
    setattr(made, attribute, value)
    with pytest.raises(ModelRefusedError, match=text):
        Served.of(made)
    with pytest.raises(ModelRefusedError, match="has no score"):
        Served.of(NoScore())
