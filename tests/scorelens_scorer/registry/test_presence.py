"""What processes tell of what they serve."""

from __future__ import annotations

import json
from pathlib import Path

from scorelens_scorer.registry.presence import FOLDER, Presence, living


def test_only_what_a_living_process_says_counts(tmp_path: Path) -> None:
    """A process is heard until it withdraws; what a killed one left behind is not, and is removed."""
    first, second = Presence(tmp_path), Presence(tmp_path)
    first.say({"models": {}})
    second.say({"models": {"a": {}}})
    second.say({"models": {"b": {}}})
    left = tmp_path / FOLDER / "host-1-1.json"
    left.write_text(json.dumps({"name": "1 on host", "models": {}}))
    assert [state["name"] for state in living(tmp_path)] == [first.name, second.name]
    assert living(tmp_path)[1]["models"] == {"b": {}}
    assert not left.exists()
    first.withdraw()
    assert [state["name"] for state in living(tmp_path)] == [second.name]
    second.withdraw()
    assert not living(tmp_path)
    assert not living(tmp_path / "nowhere")
