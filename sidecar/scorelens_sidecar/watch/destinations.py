"""What the shipper has written last of the state of its destinations (shipper/health.py)."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from scorelens_sidecar.shipper.health import FILE


@dataclass(frozen=True)
class DestinationState:
    """One destination: "delivering", "waiting" or "alarm", and the tries that failed since the shipper started."""

    destination: str
    state: str
    failures: int


def read_states(folder: Path) -> Sequence[DestinationState]:
    """Return the states that a sidecar's folder tells; none where nothing is told."""
    try:
        written = json.loads((folder / FILE).read_bytes())["destinations"]
        return [DestinationState(str(e["destination"]), str(e["state"]), int(e["failures"])) for e in written]
    except (OSError, ValueError, LookupError, TypeError):
        return []
