"""`scorelens models`: which versions are kept, which are in use, and which processes serve them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import click
from rich.table import Table
from rich.text import Text

from scorelens_runtime.terminal import clean, notes, print_json, results
from scorelens_scorer.commands.options import registry_of, registry_options
from scorelens_scorer.errors import ModelRefusedError, RegistryError
from scorelens_scorer.registry.history import History
from scorelens_scorer.registry.kept import Registry
from scorelens_scorer.registry.presence import living
from scorelens_scorer.saved import read_manifest
from scorelens_scorer.training.recipes import RECIPES
from scorelens_scorer.training.recipes import version as reference_version

WIDE: Final = 110
"""Columns from which a terminal shows who promoted a version, and what it was trained on."""


@dataclass(frozen=True)
class Line:
    """One kept version of a model, and what became of it; `wrong` says why it could not be served."""

    id: str
    version: str
    in_use: bool
    since: str
    by: str
    served_by: Sequence[str]
    figures: Mapping[str, Any]
    wrong: str = ""

    def as_json(self) -> dict[str, Any]:
        """Return it for --json."""
        return {**vars(self), "served_by": list(self.served_by)}


@click.command("models")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON line per version.")
@registry_options
def command(as_json: bool, home: str | None, cache: str | None) -> None:
    """List the versions of models that are kept, which are in use, since when and by whom, and who serves them.

    \b
    scorelens models
    scorelens models --json | jq -r 'select(.in_use) | .id + " " + .version'
    """
    registry = registry_of(home, cache)
    states = living(registry.folder)
    lines = [line for model in registry.ids() for line in lines_of(registry, model, states)]
    if as_json:
        for line in lines:
            print_json(line.as_json())
        return
    if lines:
        console = results()
        console.print(_table(lines, wide=console.width >= WIDE))
    else:
        notes().print(f"no model is kept in {registry.folder}; train one with `scorelens train FILE --tags COLUMN`")
    for reason in [*_damages(lines), *_refusals(states)]:
        notes().print(reason, style="red", soft_wrap=True)


def lines_of(registry: Registry, model: str, states: Sequence[Mapping[str, Any]]) -> list[Line]:
    """Return a line for every version of a model, the newest first."""
    try:
        history, wrong = registry.history(model), ""
    except RegistryError as error:
        history, wrong = History(), str(error)
    in_use = history.version or (reference_version() if model in RECIPES else "")
    lines = []
    for version in reversed(registry.versions(model)):
        change = next((change for change in reversed(history.changes) if change.version == version), None)
        figures, damage = _figures(registry, model, version)
        lines.append(
            Line(
                model,
                version,
                version == in_use,
                change.time if change else "",
                change.by if change else "",
                [state["name"] for state in states if state.get("models", {}).get(model, {}).get("version") == version],
                figures,
                damage or wrong,
            )
        )
    return lines


def _figures(registry: Registry, model: str, version: str) -> tuple[dict[str, Any], str]:
    """Return the held-out figures in short: the mean F1 and AUC of the tags, and how many tags and rows there were."""
    try:
        manifest = read_manifest(registry.place(model, version))
    except ModelRefusedError as error:
        return {}, str(error)
    facts = manifest.get("facts") or {}
    quality = facts.get("quality") or {}
    made: dict[str, Any] = {"tags": len(manifest.get("tags") or ())}
    if quality:
        made["f1"] = round(sum(map(_f1, quality.values())) / len(quality), 3)
        made["auc"] = round(sum(tag["auc"] for tag in quality.values()) / len(quality), 3)
    if "data" in facts:
        made |= {"file": facts["data"]["file"], "rows": facts["data"]["used"]}
    return made, ""


def _f1(tag: Mapping[str, Any]) -> float:
    precision, recall = tag["precision"] or 0.0, tag["recall"]
    return float(2 * precision * recall / (precision + recall)) if precision + recall else 0.0


def _damages(lines: Sequence[Line]) -> list[str]:
    return [f"{line.id} {line.version} cannot be served: {clean(line.wrong)}" for line in lines if line.wrong]


def _refusals(states: Sequence[Mapping[str, Any]]) -> list[str]:
    return [
        f"process {state['name']} could not load {clean(model)} {clean(served['refused']['version'])}: "
        f"{clean(served['refused']['reason'])}"
        for state in states
        for model, served in state.get("models", {}).items()
        if served["refused"]
    ]


def _table(lines: Sequence[Line], *, wide: bool) -> Table:
    table = Table(box=None, header_style="bold", pad_edge=False, padding=(0, 2, 0, 0))
    for name in ("model", "version", "in use since"):
        table.add_column(name, no_wrap=True)
    table.add_column("served by", overflow="fold")
    for name in ("tags", "F1", "AUC"):
        table.add_column(name, justify="right", no_wrap=True)
    if wide:
        table.add_column("by", overflow="fold")
        table.add_column("trained on", overflow="fold")
    seen = ""
    for line in lines:
        figures = line.figures
        trained = f"{figures['rows']:,} rows of {figures['file']}" if "file" in figures else ""
        table.add_row(
            line.id if line.id != seen else "",
            line.version,
            _since(line),
            ", ".join(name.partition(" on ")[0] for name in line.served_by),
            str(figures.get("tags", "")),
            _short(figures.get("f1")),
            _short(figures.get("auc")),
            *([Text(clean(line.by if line.in_use else "")), Text(clean(trained))] if wide else []),
            style="bold" if line.in_use else "red" if line.wrong else "",
        )
        seen = line.id
    return table


def _since(line: Line) -> str:
    if not line.in_use:
        return ""
    return line.since[:16].replace("T", " ") if line.since else "always"


def _short(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}"
