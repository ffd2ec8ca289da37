"""`scorelens scorer` as a process."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

OWN = "tests.scorelens_scorer.own_models"
COMMAND = [sys.executable, "-m", "scorelens_scorer"]
ROOT = Path(__file__).parents[2]


def test_it_serves_the_models_named_until_it_is_told_to_end() -> None:
    """--model may be repeated; the log has one JSON line once it serves, and SIGTERM ends it with status 0."""
    command = [*COMMAND, "--listen", "127.0.0.1:0", "--model", f"{OWN}:Loud", "--model", f"{OWN}:Foreign"]
    with subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE) as process:
        assert process.stderr is not None
        line = json.loads(process.stderr.readline())
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
    assert (line["message"], line["models"]) == ("serving", ["foreign 1", "loud 1"])


@pytest.mark.parametrize(
    ("arguments", "environment", "text"),
    [
        (["--listen", "nowhere"], {}, "--listen (SCORELENS_SCORER_LISTEN)"),
        ([], {"SCORELENS_SCORER_TERMS": "many"}, "--terms (SCORELENS_SCORER_TERMS)"),
        (["--model", "nothing"], {}, "setting --model: 'nothing'"),
        (["--model", f"{OWN}:Collision"], {}, "same id, refund"),
        ([], {"SCORELENS_SCORER_MODEL": f"{OWN}:Loud,{OWN}:Loud"}, "loud 1 is named twice"),
    ],
)
def test_a_wrong_setting_stops_the_start_with_one_line(
    arguments: list[str], environment: dict[str, str], text: str
) -> None:
    """The line names the setting, and there is no stack trace."""
    ended = subprocess.run(
        [*COMMAND, *arguments], cwd=ROOT, env=os.environ | environment, capture_output=True, text=True, timeout=60
    )
    assert ended.returncode in (1, 2)
    (line,) = ended.stderr.splitlines()
    assert text in line
