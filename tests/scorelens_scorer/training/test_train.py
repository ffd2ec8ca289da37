"""`scorelens train`, from a file to a version that is served."""

from __future__ import annotations

import gzip
import json
import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner, Result

from scorelens.v1.scorer_pb2 import Document, ScoreRequest
from scorelens_runtime.errors import ScorelensError
from scorelens_scorer.commands.train import command
from scorelens_scorer.corpus import generate
from scorelens_scorer.registry.kept import Registry
from scorelens_scorer.saved import CARD, MANIFEST, PICTURE
from scorelens_scorer.training.examples import NOW
from tests.scorelens_scorer.running import serving
from tests.scorelens_scorer.training.files import jsonl, rows, table

PNG = b"\x89PNG\r\n\x1a\n"


def train(cache: Path, *arguments: object) -> Result:
    """Run the command."""
    return CliRunner().invoke(command, [*map(str, arguments), "--cache", str(cache)], env={"COLUMNS": "120"})


def figures(cache: Path, *arguments: object) -> dict[str, Any]:
    """Run the command and return what --json prints."""
    done = train(cache, *arguments, "--json")
    assert done.exit_code == 0, done.exception or done.output
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Result]:
    """Return a folder of models with one that was trained, and what was printed."""
    folder = tmp_path_factory.mktemp("trained")
    file = jsonl(folder / "Tickets 2026.jsonl", rows())
    done = train(folder / "models", file, "--text", "body", "--tags", "topics")
    assert done.exit_code == 0, done.exception
    return folder / "models", done


def test_it_beats_knowing_nothing(tmp_path: Path) -> None:
    """On held-out rows of words that say the tag, the model is clearly better than the majority and than always."""
    found = figures(tmp_path, jsonl(tmp_path / "t.jsonl", rows()), "--text", "body", "--tags", "topics")
    for quality in found["quality"].values():
        assert quality["accuracy"] > quality["majority"] + 0.2
        assert quality["f1"] > quality["always_f1"] + 0.2
        assert quality["auc"] > 0.9
        assert quality["brier"] < quality["base_brier"] / 2
    assert set(found["features_of"]["refund"]["for"]) & {"refund", "money", "cancelled", "return", "back"}
    assert sum(found["split"].values()) == 400


def test_the_report_says_how_good_it_is_and_what_comes_next(trained: tuple[Path, Result]) -> None:
    """People read figures with intervals, baselines, the strongest words, and the next command."""
    cache, done = trained
    version = Registry(cache).versions("tickets-2026-" + _digits(cache))[0]
    for text in ("held out", "precision", "majority", "Strongest features", "refund", "login"):
        assert text in done.output
    assert re.search(rf"scorelens promote tickets-2026-\w+ {version}", done.output)
    assert max(map(len, done.output.splitlines())) <= 120 or "is kept in" in done.output


def _digits(cache: Path) -> str:
    return next(path.name for path in cache.iterdir()).rpartition("-")[2]


def test_what_is_kept_can_be_read_by_people(trained: tuple[Path, Result]) -> None:
    """Beside the model are a card and a picture, and neither they nor the manifest hold a text of the file."""
    cache, _ = trained
    registry = Registry(cache)
    (model,) = registry.ids()
    (version,) = registry.versions(model)
    folder = registry.place(model, version)
    assert (folder / PICTURE).read_bytes().startswith(PNG)
    card, manifest = (folder / CARD).read_text("utf-8"), (folder / MANIFEST).read_text("utf-8")
    for text in ("Tickets 2026.jsonl", "held out", "Limits", f"scorelens promote {model} {version}", "--rollback"):
        assert text in card
    for row in rows():
        assert row["body"] not in card + manifest
        assert f"n{row['id']} " not in card


def test_the_same_file_gives_the_same_model(trained: tuple[Path, Result], tmp_path: Path) -> None:
    """Training again gives the same coefficients and the same version, also from CSV, Parquet and packed JSONL."""
    cache, _ = trained
    (model,) = Registry(cache).ids()
    (version,) = Registry(cache).versions(model)
    values = rows()
    first = Registry(cache).load(model, version)
    packed = tmp_path / "t.jsonl.gz"
    packed.write_bytes(gzip.compress(jsonl(tmp_path / "t.jsonl", values).read_bytes()))
    pq.write_table(pa.Table.from_pylist(values), tmp_path / "t.parquet")
    for file in (tmp_path / "t.jsonl", packed, tmp_path / "t.parquet", table(tmp_path / "t.csv", values)):
        found = figures(tmp_path / "again", file, "--text", "body", "--tags", "topics", "--id", model)
        assert found["version"] == version
    again = Registry(tmp_path / "again").load(model, version)
    np.testing.assert_array_equal(again.coefficients, first.coefficients)
    np.testing.assert_array_equal(again.intercepts, first.intercepts)
    assert Registry(tmp_path / "again").versions(model) == [version]
    other = figures(tmp_path / "again", tmp_path / "t.jsonl", "--text", "body", "--tags", "low=stars<4", "--id", model)
    assert other["version"].startswith("2-")


def test_a_file_whose_name_tells_nothing_needs_a_format(tmp_path: Path) -> None:
    """The error names the option, and the option reads the file."""
    file = table(tmp_path / "tickets.csv", rows()).rename(tmp_path / "tickets.dat")
    options = ("--text", "body", "--tags", "topics")
    assert "--format" in str(train(tmp_path / "models", file, *options).exception)
    assert figures(tmp_path / "models", file, *options, "--format", "csv")["version"].startswith("1-")


def test_a_trained_model_is_promoted_and_explains_itself_exactly(trained: tuple[Path, Result], tmp_path: Path) -> None:
    """--promote puts it to use; a scorer without --model serves it, and its calculations add up."""
    shutil.copytree(trained[0], tmp_path / "models")
    file = jsonl(tmp_path / "t.jsonl", rows())
    done = train(tmp_path / "models", file, "--text", "body", "--tags", "topics", "--id", "tickets", "--promote")
    assert "is in use" in done.output
    with serving(cache=str(tmp_path / "models"), model="tickets") as scorer:
        documents = [Document(text="my refund is not back"), Document(text="account locked"), Document()]
        answer = scorer.score(ScoreRequest(documents=documents, all_terms=True))
    assert [result.tags[0].tag for result in answer.results[:2]] == ["refund", "login"]
    for document in answer.calculations.documents:
        for one in document.tags:
            assert one.intercept + sum(one.terms.contribution) + one.remainder == pytest.approx(one.margin, abs=1e-9)
            assert 1 / (1 + np.exp(-one.margin)) == pytest.approx(one.probability, abs=1e-12)


def test_kinds_are_those_of_the_option_or_of_the_model_it_replaces(tmp_path: Path) -> None:
    """Promoting a model takes no documents from others unless it is told to."""
    file = jsonl(tmp_path / "t.jsonl", rows(200))
    for arguments, kinds in (
        (["--id", "own"], {"own"}),
        (["--id", "own", "--kind", "tweet", "--kind", "chat"], {"tweet", "chat"}),
        (["--id", "media-tagger"], {"tweet", "chat", "blog", "article", "comment"}),
    ):
        found = figures(tmp_path / "models", file, "--text", "body", "--tags", "topics", *arguments)
        assert set(Registry(tmp_path / "models").load(found["id"], found["version"]).kinds) == kinds


def test_offers_are_learned_from_activity(tmp_path: Path) -> None:
    """Rows with events train the offer ranker; features are what a customer's ledger says."""
    made = [dict(value) for value in generate(600, 3, NOW, {"activity": 1})]
    file = jsonl(tmp_path / "customers.jsonl", made)
    found = figures(tmp_path / "models", file, "--tags", "truth", "--id", "offer-ranker")
    assert {"offer_mortgage", "offer_savings"} <= set(found["quality"])
    assert sum(quality["auc"] for quality in found["quality"].values()) / len(found["quality"]) > 0.8
    model = Registry(tmp_path / "models").load("offer-ranker", found["version"])
    assert tuple(model.kinds) == ("activity",)
    assert {tag.group for tag in model.tags} == {"offer"}
    assert "balance in incomes" in model.features.names


EVIL = "\x1b]0;pwned\x07<script>alert(1)</script> | **x** `y` ![z](http://evil.example) " + "word " * 45


def test_names_from_the_file_can_do_no_harm(tmp_path: Path) -> None:
    """Tags in any script, fifty words long, with escapes, HTML and Markdown are learned, served and shown as text."""
    names = {"refund": EVIL.strip(), "login": "вход ≠ 登录 $x_1$ 😀"}
    values = [{**row, "topics": [names[topic] for topic in row["topics"]]} for row in rows()]
    file = jsonl(tmp_path / "<b>*t*.jsonl", values)
    done = train(tmp_path / "models", file, "--text", "body", "--tags", "topics", "--id", "odd", "--promote")
    assert done.exit_code == 0, done.exception
    folder = Registry(tmp_path / "models").place("odd", Registry(tmp_path / "models").versions("odd")[0])
    card = (folder / CARD).read_text("utf-8")
    written = card + (folder / MANIFEST).read_text("utf-8") + done.output
    assert not [character for character in written if not character.isprintable() and character != "\n"]
    assert "<script" not in card
    assert "<b>" not in card
    assert "![z]" not in card
    assert "\\*\\*x\\*\\*" in card
    assert len({line.count(" | ") for line in card.splitlines() if line.startswith("| ") and "0." in line}) == 1
    with serving(cache=str(tmp_path / "models"), model="odd") as scorer:
        answer = scorer.score(ScoreRequest(documents=[Document(text="refund")]))
    assert {tag.title for tag in answer.results[0].tags} == set(names.values())


@pytest.mark.parametrize(
    ("values", "arguments", "text"),
    [
        (rows(), ["--tags", "topics"], "it has: id, body, topics, stars; name it with --text"),
        (rows(), ["--text", "bdy", "--tags", "topics"], "did you mean 'body'?"),
        (rows(), ["--text", "body", "--tags", "topic"], "did you mean 'topics'?"),
        (rows(), ["--text", "body"], "--tags is missing"),
        (rows(), ["--text", "body", "--tags", "stars<3"], "--tags 'NAME=stars<3'"),
        (rows(0), ["--text", "body", "--tags", "topics", "--id", "My Model"], "use 1 to 64 of a-z"),
        ([{"text": f"x{n}", "t": n / 8} for n in range(99)], ["--tags", "t"], "--tags 'high=t>=6.125'"),
        (rows(), ["--text", "body", "--tags", "x=y<z"], "not a number to compare"),
        (rows(), ["--text", "body", "--tags", "low=topics<3"], "topics: is not a number"),
        (rows(), ["--text", "body", "--column", "text=id", "--tags", "topics"], "name one of them"),
        (rows(12), ["--text", "body", "--tags", "topics"], "20 are needed"),
        (rows(0), ["--text", "body", "--tags", "topics"], "the file has no rows"),
        ([{"text": "", "t": "a"}] * 30, ["--tags", "t"], "30 say nothing"),
        ([{"text": f"x{n}", "t": "a"} for n in range(99)], ["--tags", "t"], "every text has it"),
        ([{"text": f"x{n}", "t": ""} for n in range(99)], ["--tags", "t"], "none of 99 usable rows has a tag"),
        ([{"text": f"x{n}", "t": f"t{n}"} for n in range(99)], ["--tags", "t"], "1 text has it, 20 are needed"),
        ([{"text": f"x{n}", "t": n % 2} for n in range(99)], ["--tags", "t"], "no words in common"),
        ([{"text": f"x{n}", "t": "w" * 501 if n % 2 else ""} for n in range(99)], ["--tags", "t"], "--separator?"),
        ([{"text": n, "t": "a"} for n in range(99)], ["--tags", "t"], "text: must be a string, not a number"),
        ([{"text": "a", "events": [{"type": "b"}], "t": "a"}] * 99, ["--tags", "t"], "--kind activity"),
    ],
)
def test_what_nothing_can_be_learned_from_is_said(
    tmp_path: Path, values: list[dict[str, Any]], arguments: list[str], text: str
) -> None:
    """One line names the column or option and what to do, and nothing is written."""
    done = train(tmp_path / "models", jsonl(tmp_path / "t.jsonl", values), *arguments)
    assert isinstance(done.exception, ScorelensError), done.exception
    assert text in str(done.exception)
    assert "\n" not in str(done.exception)
    assert not (tmp_path / "models").exists()


def test_figures_that_say_little_are_pointed_at(tmp_path: Path) -> None:
    """A tag that no word tells, and one that few held-out rows have, are named beside the figures and on the card."""
    rng = np.random.default_rng(1)
    values = [
        {
            **row,
            "topics": [*row["topics"], *(["dice"] if rng.random() < 0.5 else []), *(["few"] if n % 16 == 0 else [])],
        }
        for n, row in enumerate(rows())
    ]
    file = jsonl(tmp_path / "t.jsonl", values)
    done = train(tmp_path / "models", file, "--text", "body", "--tags", "topics")
    assert re.search(r"no better than chance on these rows: .*dice", done.output)
    assert re.search(r"fewer than 30 of these rows have it, so that its figures are hints: .*few", done.output)
    assert not re.search(r"no better than chance on these rows: .*refund", done.output)
    (card,) = (tmp_path / "models").glob(f"t/*/{CARD}")
    assert re.search("No better than chance on the held-out rows: .*dice", card.read_text("utf-8"))


def test_rows_that_cannot_be_used_are_counted(tmp_path: Path) -> None:
    """A line that is no JSON, an empty text and a missing rating are left out, and the report says so."""
    file = jsonl(tmp_path / "t.jsonl", [*rows(), {"id": "x", "body": " ", "stars": 1}, {"id": "y", "body": "ab"}])
    with file.open("a") as lines:
        lines.write("{no json\n")
    found = figures(tmp_path / "models", file, "--text", "body", "--tags", "low=stars<=3")
    assert found["data"]["rows"] == 403
    assert (found["data"]["used"], found["data"]["unreadable"], found["data"]["empty"]) == (400, 2, 1)
