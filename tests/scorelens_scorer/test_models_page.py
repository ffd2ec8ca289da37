"""The page about models: its code runs as it stands there."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

from scorelens.v1.scorer_pb2 import ActivityEvent, Document, Explanation, ScoreRequest
from tests.scorelens_scorer.running import serving

PAGE = Path(__file__).parents[2] / "docs" / "models.md"


def test_the_model_on_the_page_works(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first block of Python, saved as the file it names, is served, scores and explains."""
    (block, *_) = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
    (tmp_path / "leaving.py").write_text(block)
    monkeypatch.setattr(sys, "path", [*sys.path, str(tmp_path)])
    busy = Document(events=[ActivityEvent(type="login"), ActivityEvent(type="salary", amount=2000)] * 20)
    with serving(model="leaving:LeavingForest") as own:
        answer = own.score(ScoreRequest(documents=[busy, Document(events=[ActivityEvent(type="complaint")] * 3)]))
    stays, leaves = (result.tags[0].probability for result in answer.results)
    assert stays < 0.3 < 0.7 < leaves
    reason = answer.calculations.documents[1].tags[0]
    assert reason.explanation == Explanation.EXPLANATION_APPROXIMATE
    assert reason.terms.feature[0] in ("complaints", "logins")
    assert reason.intermediates["trees that say so"] > 50
