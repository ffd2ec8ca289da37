"""A process for the tests of the supervisor: announces itself, and then does what its first argument says."""

from __future__ import annotations

import signal
import sys
import time

from scorelens_runtime.lifecycle import announce, follow_supervisor


def main(behaviour: str) -> None:
    """Behave: `serve` until SIGTERM, `ignore` SIGTERM, `die` at once, `silent` without a word, `refuse` to start."""
    if behaviour == "die":
        sys.exit(3)
    if behaviour == "refuse":
        sys.exit(2)
    if behaviour == "ignore":
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    follow_supervisor()
    if behaviour != "silent":
        announce("127.0.0.1:7", purpose=behaviour)
    time.sleep(600)


if __name__ == "__main__":
    main(sys.argv[1])
