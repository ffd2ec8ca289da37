"""Blanks documents in a sidecar's folder until it is killed, and says after each time which are gone.

python -m tests.scorelens_sidecar.forgetting.editing FOLDER FIRST LAST
"""

from __future__ import annotations

import sys
from pathlib import Path

from scorelens_sidecar.forget import forget
from scorelens_sidecar.forgetting.wanted import Wanted

if __name__ == "__main__":
    for number in range(int(sys.argv[2]), int(sys.argv[3])):
        print(f"begin {number}", flush=True)
        assert not forget(Path(sys.argv[1]), Wanted.of({"document": [f"d-{number}."]}))["left"]
        print(f"done {number}", flush=True)
