"""`scorelens doctor`: what is wrong, and what to do."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, Final, TypeVar

import click

from scorelens_client.doctor.checks import groups, nothing_named
from scorelens_client.doctor.findings import Finding, Mark
from scorelens_client.doctor.places import Places
from scorelens_client.doctor.run import examine
from scorelens_client.home import Home
from scorelens_runtime.errors import SettingError
from scorelens_runtime.home import default_home

Command = TypeVar("Command", bound=Callable[..., Any])

_COLOURS: Final = {Mark.OK: "green", Mark.WARN: "yellow", Mark.FAIL: "red", Mark.SKIPPED: None}
_SHORT: Final = {Mark.SKIPPED: "-"}
"""Mark of what was not checked, which is no word that one would look for."""

_ADDRESSES: Final = {
    "sidecar": "SCORELENS_CONSOLE_SIDECAR, SCORELENS_SIDECAR_LISTEN",
    "scorer": "SCORELENS_SIDECAR_UPSTREAM, SCORELENS_SCORER_LISTEN",
    "indexer": "SCORELENS_SIDECAR_OTLP, SCORELENS_CONSOLE_INDEXER, SCORELENS_INDEXER_LISTEN",
    "console": "SCORELENS_CONSOLE_URL, SCORELENS_CONSOLE_LISTEN, SCORELENS_CONSOLE_PUBLIC_URL",
    "store": "SCORELENS_INDEXER_STORE, SCORELENS_CONSOLE_STORE, SCORELENS_ELASTICSEARCH_URL",
}


def _address(part: str) -> Callable[[Command], Command]:
    where = "URL" if part == "console" else "WHERE" if part == "store" else "HOST:PORT"
    text = f"Where the {part} is.  [{_ADDRESSES[part]}; default: the running system's]"
    return click.option(f"--{part}", metavar=where, help=text)


@click.command("doctor")
@_address("sidecar")
@_address("scorer")
@_address("indexer")
@_address("console")
@_address("store")
@click.option(
    "--call", is_flag=True, help="Also make a call through the sidecar, which leaves a record of purpose test."
)
@click.option(
    "--all/--quiet", "everything", default=True, help="Print what is well, too, or only what is not.  [default: --all]"
)
@click.option(
    "--limit",
    type=click.FloatRange(1),
    default=20.0,
    metavar="SECONDS",
    help="Longest wait for one check.  [default: 20]",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.option(
    "--home",
    metavar="FOLDER",
    envvar="SCORELENS_HOME",
    help=f"Folder of the system.  [SCORELENS_HOME; default: {default_home()}]",
)
def command(call: bool, everything: bool, limit: float, as_json: bool, home: str | None, **named: str | None) -> int:
    """Check a system, and say what to do about what is wrong: one line per check.

    It asks the parts that are named by flags, by the variables of the parts themselves, or by the system that runs on
    this machine: addresses, certificates, versions, accounts and lag, disks, clocks, Elasticsearch. What nothing names
    is said as not checked. It changes nothing, and shows no secrets. The exit status is 1 with any FAIL, 0 without.

    \b
    scorelens doctor
    scorelens doctor --quiet                         only what is to be seen to
    scorelens doctor --json | jq -r '.checks[] | select(.mark == "FAIL") | .advice'
    scorelens doctor --sidecar scorelens-scorer:50051 --store https://search.example:9200
    kubectl exec scorelens-scorer-0 -c sidecar -- scorelens doctor
    """
    flags = {part: text for part, text in named.items() if text}
    places = Places(Home(Path(home).expanduser().absolute() if home else default_home()), os.environ, flags)
    _check_flags(places, flags)
    missing = nothing_named(places)
    found = [missing] if missing else examine(groups(places, call=call), limit)
    findings = _collect(found) if as_json else _print(found, everything=everything)
    failed = any(finding.mark is Mark.FAIL for finding in findings)
    if as_json:
        click.echo(json.dumps(as_object(findings), ensure_ascii=False))
    else:
        click.echo(f"\n{summary(findings)}")
    return int(failed)


def as_object(findings: list[Finding]) -> dict[str, Any]:
    """Return what --json prints."""
    counts = Counter(finding.mark.value for finding in findings)
    return {
        "healthy": not counts[Mark.FAIL.value],
        "counts": {mark.value: counts[mark.value] for mark in Mark},
        "checks": [_told(finding) for finding in findings],
    }


def _told(finding: Finding) -> dict[str, str]:
    names = ("part", "check", "mark", "text", "advice")
    return {name: str(getattr(finding, name)) for name in names}


def summary(findings: Iterable[Finding]) -> str:
    """Return how many checks ended how."""
    counts = Counter(finding.mark for finding in findings)
    told = [f"{counts[mark]} {mark.value}" for mark in Mark if counts[mark]]
    return ", ".join(told)


def line(finding: Finding) -> str:
    """Return a finding as one line; whatever a server said cannot make it two."""
    advice = f" → {finding.advice}" if finding.advice else ""
    text = finding.text if finding.mark is not Mark.SKIPPED else "not checked"
    return " ".join(f"{finding.part:<8} {finding.check:<12} {text}{advice}".translate(_CONTROLS).splitlines())


_CONTROLS: Final = dict.fromkeys((*range(32), *range(127, 160)), "�")


def _check_flags(places: Places, flags: Mapping[str, str]) -> None:
    for part in flags:
        try:
            places.store() if part == "store" else places.parts(part)
        except SettingError as error:
            raise SettingError(str(error).removeprefix("setting ")) from error


def _collect(found: Iterable[Finding]) -> list[Finding]:
    return list(found)


def _print(found: Iterable[Finding], *, everything: bool) -> list[Finding]:
    """Print findings as they come."""
    findings = []
    for finding in found:
        findings.append(finding)
        if everything or finding.mark in (Mark.WARN, Mark.FAIL):
            mark = click.style(f"{_SHORT.get(finding.mark, finding.mark.value):<5}", _COLOURS[finding.mark], bold=True)
            click.echo(f"{mark}{line(finding)}")
    return findings
