"""The description of the API in OpenAPI, held against the server that it describes."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

import httpx
import jsonschema_rs
import pytest
from hypothesis import given

from scorelens_console.api.app import BASE, make_api
from scorelens_console.api.endpoints import ENDPOINTS
from scorelens_console.api.trees import TREE
from scorelens_store.query.as_json import write_node
from scorelens_store.query.tree import Node
from tests.scorelens_console.routes import NOTHING
from tests.scorelens_console.running import Running
from tests.scorelens_store.trees import trees

CONFIGURATION: Final = """
# Which texts are queries, and which names are fields of which types, no schema can say.
[checks.positive_data_acceptance]
expected-statuses = ["2xx", 400, 403, 404]

# Their members are those of /search, of which every boundary is tried.
[[operations]]
include-name = ["GET /count", "GET /scan", "POST /count", "POST /scan", "POST /pages", "POST /words", "POST /aggregate"]
phases.coverage.enabled = false
"""
DESCRIPTION: Final[dict[str, Any]] = make_api(NOTHING).openapi()
VALIDATOR: Final = jsonschema_rs.validator_for(DESCRIPTION | {"$ref": f"#/components/schemas/{TREE}"})


@pytest.mark.parametrize(
    ("role", "phases"),
    [pytest.param("viewer", "fuzzing", marks=pytest.mark.heavy), ("scientist", "examples,coverage,fuzzing")],
)
def test_schemathesis_finds_nothing(console: Running, tmp_path: Path, role: str, phases: str) -> None:
    """Whatever is sent, of what may be sent and of what may not, is answered as the description says."""
    (tmp_path / "schemathesis.toml").write_text(CONFIGURATION)
    command = [sys.executable, "-m", "schemathesis.cli", "run", f"{console.url}{BASE}/openapi.json"]
    command += ["--header", f"Authorization: Bearer {console.token(role)}", "--phases", phases, "--max-examples", "8"]
    command += ["--generation-deterministic", "--no-color", "--no-shrink"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=150)
    assert done.returncode == 0, done.stdout[-8000:] + done.stderr[-2000:]
    assert f"Tested: {len(ENDPOINTS)}" in done.stdout


@given(trees())
def test_every_tree_is_as_the_description_has_it(node: Node) -> None:
    """Whoever writes trees by the description writes what is read."""
    assert VALIDATOR.is_valid(write_node(node))


@pytest.mark.parametrize(
    "value",
    [
        {},
        {"all": []},
        {"some": []},
        {"not": {"equals": {"field": "kind"}}},
        {"phrase": {"field": "text", "words": ["a"]}},
        {"fuzzy": {"field": "text", "word": "a", "distance": 3}},
        {"everything": {}, "nothing": {}},
    ],
)
def test_what_is_no_tree_is_not_as_the_description_has_it(value: Any) -> None:
    """As far as a schema can say so."""
    assert not VALIDATOR.is_valid(value)


def test_it_is_the_same_for_everybody_and_holds_no_records(viewing: httpx.Client, exploring: httpx.Client) -> None:
    """Examples are made up, and are no scores of anybody."""
    told = viewing.get("/openapi.json").json()
    assert told == exploring.get("/openapi.json").json() == json.loads(json.dumps(DESCRIPTION))
    assert "coefficient" not in json.dumps(told)


def test_everything_says_what_it_does() -> None:
    """Each endpoint has a sentence, each parameter one of its own, and each error a form."""
    for path, operations in DESCRIPTION["paths"].items():
        for method, operation in operations.items():
            assert operation["summary"].endswith("."), (method, path)
            assert operation["security"] == [{"HTTPBearer": []}]
            for parameter in operation.get("parameters", ()):
                assert parameter.get("description") or parameter["in"] == "path", (path, parameter["name"])
            for status in ("400", "401", "403", "503"):
                (form,) = operation["responses"][status]["content"].values()
                assert form["schema"] == {"$ref": "#/components/schemas/Failed"}
