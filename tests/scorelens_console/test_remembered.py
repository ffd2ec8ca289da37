"""What is kept for a few seconds."""

from __future__ import annotations

import threading

import pytest

from scorelens_console.web.remembered import MOST, Remembered


def test_many_who_ask_at_a_time_have_one_look() -> None:
    """An answer is found once for all who wait for it."""
    kept, calls, all_there = Remembered(), [], threading.Barrier(8)

    def find() -> int:
        calls.append(1)
        return len(calls)

    def ask() -> None:
        all_there.wait(10)
        assert kept.get("key", 60, find) == 1

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(calls) == 1


def test_what_is_old_is_found_again() -> None:
    """No answer outlives its time, and another key has another answer."""
    kept = Remembered()
    assert kept.get("a", 0, lambda: 1) == 1
    assert kept.get("b", 60, lambda: 2) == 2
    assert kept.get("a", 60, lambda: 3) == 3
    assert kept.get("b", 60, lambda: 4) == 2


def test_a_failure_is_not_kept() -> None:
    """After an error the next one who asks has a look."""
    kept = Remembered()
    try:
        kept.get("a", 60, lambda: 1 // 0)
    except ZeroDivisionError:
        assert kept.get("a", 60, lambda: 5) == 5


def test_memory_is_bounded() -> None:
    """The answers that were found longest ago go first."""
    kept = Remembered()
    for number in range(MOST + 10):
        kept.get(number, 60, lambda: "first")
    assert kept.get(MOST, 60, lambda: "again") == "first"
    assert kept.get(0, 60, lambda: "again") == "again"


def test_what_cannot_be_found_is_not_kept() -> None:
    """Any number of wrong questions takes no room, and the next one is asked again."""
    remembered = Remembered()

    def fail() -> str:
        raise ValueError("no such thing")

    for number in range(100):
        with pytest.raises(ValueError, match="no such thing"):
            remembered.get(number, 60, fail)
    assert not remembered._finding
    assert remembered.get(1, 60, lambda: "found") == "found"
