"""Models in folders: what is written is read, and what is damaged or not trusted is refused."""

import hashlib
import json
import multiprocessing
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import skops.io

from scorelens.v1.scorer_pb2 import Document
from scorelens_scorer.errors import ModelRefusedError
from scorelens_scorer.linear_model import LinearModel
from scorelens_scorer.reference import reference_model
from scorelens_scorer.saved import MANIFEST, PARTS, load, save
from scorelens_scorer.training.recipes import version

DOCUMENTS = [Document(text="Still no refund from Harbourline"), Document(title="Ünïcode", text="日本語 😀"), Document()]


class Opens:
    """Would run code if anybody unpickled it."""

    def __reduce__(self) -> Any:
        return (exec, ("raise SystemExit('unpickled')",))


@pytest.fixture
def folder(tagger: LinearModel, tmp_path: Path) -> Path:
    """Return a folder with a saved model that a test may spoil."""
    save(tagger, tmp_path / "saved")
    return tmp_path / "saved"


def rewrite(folder: Path, parts: object) -> None:
    """Replace the parts of a saved model and make the manifest agree."""
    skops.io.dump(parts, folder / PARTS)
    seal(folder)


def seal(folder: Path) -> None:
    """Write the hash of the parts into the manifest."""
    manifest = json.loads((folder / MANIFEST).read_text())
    manifest["sha256"] = hashlib.sha256((folder / PARTS).read_bytes()).hexdigest()
    (folder / MANIFEST).write_text(json.dumps(manifest))


def test_a_loaded_model_says_the_same(tagger: LinearModel, folder: Path) -> None:
    """Probabilities, tags, names of features and facts are those of the model that was saved."""
    again = load(folder)
    np.testing.assert_array_equal(again.score(DOCUMENTS, 0).probabilities, tagger.score(DOCUMENTS, 0).probabilities)
    assert (again.id, again.version, again.tags, again.kinds) == (tagger.id, tagger.version, tagger.tags, tagger.kinds)
    assert (again.features.names == tagger.features.names).all()
    assert again.facts == tagger.facts


def test_a_changed_file_is_refused(folder: Path) -> None:
    """One flipped byte is noticed by its hash."""
    content = bytearray((folder / PARTS).read_bytes())
    content[len(content) // 2] ^= 1
    (folder / PARTS).write_bytes(content)
    with pytest.raises(ModelRefusedError, match="damaged or was changed"):
        load(folder)


@pytest.mark.parametrize("parts", [{"features": Opens()}, {"features": Path("x").exists}, [Opens()]])
def test_a_type_that_is_not_trusted_is_refused(folder: Path, parts: object) -> None:
    """A file with anything but plain parts is refused by name of the type, and nothing in it runs."""
    rewrite(folder, parts)
    with pytest.raises(ModelRefusedError, match="not trusted"):
        load(folder)


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 cut off", b"\x80\x04\x95 a pickle"])
def test_what_is_no_skops_file_is_refused(folder: Path, content: bytes) -> None:
    """Empty, cut and pickled files are refused even where the hash agrees."""
    (folder / PARTS).write_bytes(content)
    seal(folder)
    with pytest.raises(ModelRefusedError, match=f"{PARTS} cannot be read"):
        load(folder)


@pytest.mark.parametrize(
    "parts",
    [{}, {"features": [], "coefficients": np.ones((2, 2)), "intercepts": np.ones(2)}, [1], {"features": 7}],
)
def test_parts_that_do_not_fit_are_refused(folder: Path, parts: object) -> None:
    """Missing parts and shapes that do not agree are refused."""
    rewrite(folder, parts)
    with pytest.raises(ModelRefusedError, match="parts"):
        load(folder)


def test_coefficients_that_are_not_finite_are_refused(ranker: LinearModel, tmp_path: Path) -> None:
    """A NaN among the coefficients is refused before it scores anything."""
    save(ranker, tmp_path / "saved")
    rewrite(
        tmp_path / "saved",
        {"features": [], "coefficients": ranker.coefficients * np.nan, "intercepts": ranker.intercepts},
    )
    with pytest.raises(ModelRefusedError, match="not finite"):
        load(tmp_path / "saved")


@pytest.mark.parametrize(
    ("content", "text"),
    [(None, "cannot be read"), ("{", "not JSON"), ("[]", "format 1"), ('{"format": 9}', "format 1")],
)
def test_a_manifest_that_cannot_be_read_is_refused(folder: Path, content: str | None, text: str) -> None:
    """A missing, damaged or foreign manifest is named."""
    if content is None:
        (folder / MANIFEST).unlink()
    else:
        (folder / MANIFEST).write_text(content)
    with pytest.raises(ModelRefusedError, match=f"{MANIFEST}.*{text}"):
        load(folder)


def test_a_damaged_cache_is_trained_again(ranker: LinearModel, tmp_path: Path) -> None:
    """A reference model that cannot be read is put aside and trained anew, and training again gives the same."""
    folder = tmp_path / ranker.id / version()
    save(ranker, folder)
    (folder / PARTS).write_bytes(b"")
    again = reference_model(ranker.id, tmp_path)
    np.testing.assert_array_equal(again.coefficients, ranker.coefficients)
    assert load(folder).version == ranker.version


def test_two_processes_may_train_at_once(tagger: LinearModel, tmp_path: Path) -> None:
    """Processes that save the same version leave one whole folder, and none of them fails."""
    context = multiprocessing.get_context("fork")
    folder = tmp_path / "models" / "same"
    racers = [context.Process(target=save, args=(tagger, folder)) for _ in range(3)]
    for racer in racers:
        racer.start()
    for racer in racers:
        racer.join(60)
    assert [racer.exitcode for racer in racers] == [0, 0, 0]
    assert load(folder).id == tagger.id
    assert [path.name for path in folder.parent.iterdir()] == ["same"]
    shutil.rmtree(folder)
