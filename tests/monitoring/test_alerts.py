"""Alerts ask for metrics that there are, fire when they should, and each has a page that says what to do."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from docs.make_metrics import PAGE, every_metric, page
from scorelens_runtime.metrics.definitions import Kind
from tests.monitoring.firing import LONG, SITUATIONS, Series
from tests.tools import promtool
from tests.tools.missing import MissingPartError, missing

ROOT = Path(__file__).parents[2]
RULES = ROOT / "k8s" / "components" / "monitoring" / "alerts.yaml"
RUNBOOKS = ROOT / "docs" / "runbooks"
OF_PROMETHEUS = {"up"}
"""What Prometheus itself says of each target."""
OF_TARGETS = {"namespace", "pod", "instance", "job", "le"}
"""Labels that come with scraping, and that of buckets."""
SECTIONS = ["What it means", "What users notice", "What to look at", "How to fix it"]


def alerts() -> list[dict[str, Any]]:
    """Return the rules."""
    groups = yaml.safe_load(RULES.read_text("utf-8"))["groups"]
    return [rule for group in groups for rule in group["rules"]]


NAMES = [str(rule["alert"]) for rule in alerts()]


def names_and_labels() -> Mapping[str, set[str]]:
    """Return the labels of everything that can be asked for, by name."""
    known: dict[str, set[str]] = {name: set() for name in OF_PROMETHEUS}
    for metric in every_metric():
        endings = ("_bucket", "_sum", "_count") if metric.kind is Kind.HISTOGRAM else ("",)
        for ending in endings:
            known[metric.prometheus_name + ending] = set(metric.labels)
    return known


@pytest.mark.parametrize("rule", alerts(), ids=NAMES)
def test_alerts_ask_for_what_there_is(rule: Mapping[str, Any]) -> None:
    """Each name in an expression is a metric that some component defines, and each label one that it has."""
    known, expression = names_and_labels(), str(rule["expr"])
    selectors = re.findall(r"\b(up|scorelens_\w+)(?:\{([^}]*)\})?", expression)
    assert selectors
    for name, labels in selectors:
        assert name in known
        asked = set(re.findall(r"(\w+)\s*(?:=~|!~|!=|=)", labels))
        assert asked <= known[name] | OF_TARGETS
    kept = {label.strip() for group in re.findall(r"\bby \(([^)]*)\)", expression) for label in group.split(",")}
    said = set(re.findall(r"\$labels\.(\w+)", rule["annotations"]["summary"]))
    of_all = set.union(OF_TARGETS, *(known[name] for name, _ in selectors))
    assert kept <= of_all
    assert said <= (kept or of_all)


def test_alerts_and_runbooks_are_the_same() -> None:
    """Every alert has a page, every page an alert; each alert names its page, and the list of pages has all."""
    pages = {path.stem for path in RUNBOOKS.glob("*.md")} - {"README"}
    assert pages == set(NAMES)
    assert len(set(NAMES)) == len(NAMES)
    listed = re.findall(r"^\| \[(\w+)\]", (RUNBOOKS / "README.md").read_text("utf-8"), re.MULTILINE)
    assert sorted(listed) == sorted(NAMES)
    for rule in alerts():
        assert rule["annotations"]["runbook"] == f"docs/runbooks/{rule['alert']}.md"
        assert rule["labels"]["severity"] in ("critical", "warning")


@pytest.mark.parametrize("name", NAMES)
def test_runbooks_say_what_to_do(name: str) -> None:
    """Each page has the same sections, with commands to look with and ways to mend it."""
    text = (RUNBOOKS / f"{name}.md").read_text("utf-8")
    assert text.startswith(f"# {name}\n")
    assert re.findall(r"^## (.*)$", text, re.MULTILINE) == SECTIONS
    assert "```sh\nkubectl " in text
    assert "\n- " in text.split("## How to fix it")[1]


def test_runbooks_name_metrics_and_settings_that_there_are() -> None:
    """Whole names of metrics and variables in the pages are real ones."""
    settings = (ROOT / "docs" / "settings.md").read_text("utf-8")
    known = names_and_labels()
    for path in RUNBOOKS.glob("*.md"):
        text = path.read_text("utf-8")
        for variable in re.findall(r"`(SCORELENS_[A-Z_]+)[`=]", text):
            assert f"`{variable}`" in settings, f"{path.name}: {variable}"
        for name in re.findall(r"`(scorelens_\w+)`", text):
            assert name in known, f"{path.name}: {name}"


def test_the_page_of_metrics_is_up_to_date() -> None:
    """docs/operations.md has what `make generate` makes of the definitions."""
    assert PAGE.read_text("utf-8") == page(PAGE.read_text("utf-8"))
    for metric in every_metric():
        assert f"| `{metric.prometheus_name}` |" in PAGE.read_text("utf-8")
        assert len(metric.help) > 10


def test_names_of_metrics_are_their_own() -> None:
    """No two metrics share a name, and each begins with its component's."""
    names = [metric.prometheus_name for metric in every_metric()]
    assert len(set(names)) == len(names)
    assert all(re.fullmatch(r"scorelens_[a-z_]+", name) for name in names)


@pytest.fixture(scope="module")
def tool() -> Path:
    """Return promtool, or skip."""
    try:
        return promtool.find()
    except MissingPartError as error:
        missing(str(error))


def run(tool: Path, *arguments: str | Path) -> str:
    """Run promtool; return what it says. Fails where it does."""
    ended = subprocess.run([tool, *arguments], capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return ended.stdout


def test_prometheus_takes_the_rules(tool: Path) -> None:
    """promtool reads every rule."""
    assert f"SUCCESS: {len(NAMES)} rules found" in run(tool, "check", "rules", RULES)


def test_alerts_fire_when_they_should(tool: Path, tmp_path: Path) -> None:
    """In a situation that it is for, each alert fires with a text; in one much like it, it does not."""
    assert set(SITUATIONS) == set(NAMES)
    for name, (fires, quiet) in SITUATIONS.items():
        assert_fires(tool, tmp_path / f"{name}-fires.yaml", name, fires, expected=True)
        assert_fires(tool, tmp_path / f"{name}-quiet.yaml", name, quiet, expected=False)


def assert_fires(tool: Path, path: Path, name: str, series: Series, *, expected: bool) -> None:
    """Have promtool evaluate the rules over an hour of some series; `ALERTS` says what fires then."""
    count = f'count(ALERTS{{alertname="{name}",alertstate="firing"}}) or vector(0)'
    test = {
        "interval": "1m",
        "input_series": [{"series": key, "values": values} for key, values in series.items()],
        "promql_expr_test": [
            {"expr": count, "eval_time": f"{LONG}m", "exp_samples": [{"labels": "{}", "value": int(expected)}]}
        ],
    }
    path.write_text(yaml.safe_dump({"rule_files": [str(RULES)], "evaluation_interval": "1m", "tests": [test]}))
    run(tool, "test", "rules", path)
