"""The calls that the shipper has counted (shipper/calls.py), from `calls.json` in the sidecar's folder.

    {"pid": 1, "calls": [["example.Echo/Say", "OK", [0, 3, …], 0.0042]]}

has, for each method and status, how many calls took up to each bound of the metric and longer, and their seconds.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from scorelens_runtime.metrics.counting import Labels, Spread
from scorelens_sidecar.watch.metrics import CALL_DURATION

FILE: Final = "calls.json"


def read_calls(folder: Path) -> Sequence[tuple[Labels, Spread]]:
    """Return what the shipper of a sidecar's folder has counted; nothing where nothing is told."""
    try:
        written = json.loads((folder / FILE).read_bytes())["calls"]
        return [
            ((str(method), str(status)), Spread(list(map(int, counts)), float(seconds)))
            for method, status, counts, seconds in written
            if len(counts) == len(CALL_DURATION.bounds) + 1
        ]
    except (OSError, ValueError, LookupError, TypeError):
        return []
