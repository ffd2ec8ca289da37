"""`scorelens kibana objects`: a file that Kibana imports, and a list of what it holds."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from scorelens_client.commands.kibana.objects import command
from scorelens_client.kibana.objects import saved_objects, to_ndjson
from scorelens_client.kibana.view import KibanaView

NAMED = ("--store", "http://127.0.0.1:1", "--tag", "complaint")


@pytest.fixture(autouse=True)
def alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Take no settings and no system from the environment."""
    monkeypatch.setenv("SCORELENS_HOME", str(tmp_path))
    monkeypatch.delenv("SCORELENS_KIBANA_CONSOLE_URL", raising=False)
    monkeypatch.setenv("SCORELENS_ELASTICSEARCH_RETRIES", "0")


def test_the_file_has_the_objects_of_the_named_tags(tmp_path: Path) -> None:
    """With tags named, the store need not answer; the file has the same bytes as standard output."""
    path = tmp_path / "out.ndjson"
    written = CliRunner().invoke(command, [*NAMED, "--output", str(path)])
    printed = CliRunner().invoke(command, NAMED)

    assert (written.exit_code, written.stdout) == (0, "")
    assert path.read_bytes() == printed.stdout_bytes == to_ndjson(saved_objects(KibanaView(tags=("complaint",))))
    assert "saved objects for 1 tags are in" in written.stderr


def test_the_list_is_read_by_people_and_by_programs() -> None:
    """The list names dashboards, panels and queries; as JSON it has one row per line."""
    table = CliRunner().invoke(command, [*NAMED, "--list"], terminal_width=200)
    lines = CliRunner().invoke(command, [*NAMED, "--list", "--json"]).stdout.splitlines()
    rows = [json.loads(line) for line in lines]

    assert "Scores: complaint" in table.stdout
    assert {"kind", "dashboard", "title", "shows", "id"} == set(rows[0])
    assert {row["kind"] for row in rows} >= {"data view", "search", "dashboard", "chart", "control"}


def test_mistakes_are_told(tmp_path: Path) -> None:
    """A folder that is not there and --json without --list are refused with what to do."""
    nowhere = CliRunner().invoke(command, [*NAMED, "--output", str(tmp_path / "no" / "file")])
    lonely = CliRunner().invoke(command, [*NAMED, "--json"])

    assert "cannot be written: No such file" in str(nowhere.exception)
    assert (lonely.exit_code, "--json goes with --list" in lonely.stderr) == (2, True)
