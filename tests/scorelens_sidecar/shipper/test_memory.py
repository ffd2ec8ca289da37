"""Memory that large calls took goes back to the system."""

from __future__ import annotations

import platform
import subprocess
import sys

import pytest

PROGRAM = """
import psutil
from scorelens_sidecar.shipper import memory

def rss():
    return psutil.Process().memory_info().rss

pieces = [bytes(2000) for _ in range(50_000)]
del pieces[: -1]  # the last one keeps the heap from shrinking by itself
held = rss()
memory.EVERY = 0.0
memory.Memory().keep_small()
print(held - rss())
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="the function is glibc's")
def test_memory_behind_a_piece_that_is_still_used_is_given_back() -> None:
    """A hundred megabytes that were freed are the system's again, although the heap's top is in use."""
    ended = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True, timeout=60)
    assert int(ended.stdout) > 50 * 2**20
