"""The doctor, called as a person does, on parts that a test names by variables."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from click.testing import CliRunner

from scorelens_client.commands.doctor import command
from tests.end_to_end.system import System


@dataclass(frozen=True)
class Examined:
    """What the doctor found, and its exit status."""

    status: int
    healthy: bool
    checks: list[dict[str, Any]]

    def marks(self, part: str, check: str) -> list[str]:
        """Return how the checks of a name ended."""
        return [one["mark"] for one in self.checks if (one["part"], one["check"]) == (part, check)]

    def only(self, part: str, check: str) -> dict[str, Any]:
        """Return the one check of a name."""
        [found] = [one for one in self.checks if (one["part"], one["check"]) == (part, check)]
        return found

    def failed(self) -> list[dict[str, Any]]:
        """Return what failed."""
        return [one for one in self.checks if one["mark"] == "FAIL"]


def examine(home: Path, variables: Mapping[str, str], *arguments: str) -> Examined:
    """Run the doctor with --json, with these variables and no others of ours."""
    said = printed(home, variables, "--json", *arguments)
    found = json.loads(said[1])
    return Examined(said[0], found["healthy"], found["checks"])


def printed(home: Path, variables: Mapping[str, str], *arguments: str) -> tuple[int, str]:
    """Return exit status and output of the doctor."""
    others = {name: None for name in os.environ if name.startswith("SCORELENS_")}
    environment = {
        **others,
        "SCORELENS_HOME": str(home),
        **variables,
    }
    ran = CliRunner().invoke(command, list(arguments), env=environment, standalone_mode=False, catch_exceptions=False)
    return int(ran.return_value), ran.stdout


def variables_of(system: System) -> dict[str, str]:
    """Return what names the parts of a system, as the parts themselves are told it."""
    return {
        "SCORELENS_CONSOLE_SIDECAR": system.sidecar.address,
        "SCORELENS_SIDECAR_UPSTREAM": system.scorer.address,
        "SCORELENS_SIDECAR_OTLP": system.indexer.address,
        "SCORELENS_INDEXER_STORE": system.store,
        "SCORELENS_SIDECAR_FOLDER": str(system.folder / "sidecar"),
        "SCORELENS_INDEXER_FOLDER": str(system.folder / "indexer"),
    }
