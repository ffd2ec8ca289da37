"""What README shows works as it stands there."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np

from scorelens.v1.scorer_pb2 import Document
from scorelens_runtime.main import COMMANDS
from scorelens_scorer.model import ALL_TERMS, Model

README = (Path(__file__).parents[1] / "README.md").read_text("utf-8")


def test_the_model_of_the_readme_is_a_model() -> None:
    """The example is copied, loaded and scores, with a reason for what it says."""
    (source,) = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    names: dict[str, Any] = {}
    exec(compile(source, "urgency.py", "exec"), names)
    model: Model = names["Urgency"]()
    assert isinstance(model, Model)
    scoring = model.score([Document(text="HELP!!! My card is blocked"), Document(text="Thank you. " * 10)], ALL_TERMS)
    urgent, calm = np.asarray(scoring.probabilities)[:, 0]
    assert urgent > 0.5 > calm
    assert scoring.calculations
    assert "exclamation marks" in scoring.calculations.features


def test_every_command_is_in_the_readme() -> None:
    """A command that README does not name is found by nobody."""
    assert not [name for name in COMMANDS if f"scorelens {name}" not in README and f"make {name}" not in README]
