"""Guessing passwords gets slower, and locks nobody else out."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scorelens_console.access.throttle import FREE, FREE_FOR_ADDRESS, LONGEST, MANY, Throttle


class Clock:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        """Return the time."""
        return self.now


def test_delays_grow_and_end() -> None:
    """After a few wrong passwords each has to wait twice as long as the one before, and no longer than a bound."""
    clock = Clock()
    throttle = Throttle(clock)
    assert [throttle.attempt("ada", "10.0.0.1") for _ in range(FREE)] == [0.0] * FREE
    waits = []
    for _ in range(14):
        waits.append(throttle.attempt("ada", "10.0.0.1"))
        assert throttle.attempt("ada", "10.0.0.1") == waits[-1]  # trying meanwhile makes it no longer
        clock.now += waits[-1]
        assert throttle.attempt("ada", "10.0.0.1") == 0
    assert waits[:4] == [1.0, 2.0, 4.0, 8.0]
    assert waits[-1] == LONGEST
    clock.now += 3601
    assert throttle.attempt("ada", "10.0.0.1") == 0


def test_an_address_has_so_many_names_to_guess_for() -> None:
    """Trying one password with many names is slowed down as well."""
    throttle = Throttle(Clock())
    tried = [throttle.attempt(f"name{number}", "10.0.0.1") for number in range(FREE_FOR_ADDRESS + 1)]
    assert tried == [0.0] * FREE_FOR_ADDRESS + [1.0]
    assert throttle.attempt("ada", "10.0.0.2") == 0


@given(st.integers(0, 200))
def test_nobody_locks_out_somebody_elsewhere(guesses: int) -> None:
    """However many addresses guess for a name, its owner gets to try from an address of their own."""
    throttle = Throttle(Clock())
    for number in range(guesses):
        throttle.attempt("ada", f"10.0.{number // 200}.{number % 200}")
    assert throttle.attempt("ada", "192.0.2.1") == 0


def test_many_addresses_get_fewer_guesses_each() -> None:
    """A name that is guessed for from everywhere is worth one guess from each address."""
    throttle = Throttle(Clock())
    for number in range(MANY):
        throttle.attempt("ada", f"10.0.0.{number}")
    assert throttle.attempt("ada", "192.0.2.1") == 0
    assert throttle.attempt("ada", "192.0.2.1") == 1.0
    assert throttle.attempt("bob", "192.0.2.2") == 0


def test_a_known_browser_is_not_locked_out_by_its_neighbours() -> None:
    """Where somebody has signed in before, guesses from the same address do not count, and its own do."""
    throttle = Throttle(Clock())
    for _ in range(50):
        throttle.attempt("ada", "10.0.0.1")
    assert throttle.attempt("ada", "10.0.0.1") > 0
    assert [throttle.attempt("ada", "10.0.0.1", "browser") for _ in range(FREE + 1)] == [0.0] * FREE + [1.0]


def test_signing_in_forgets_the_wrong_ones() -> None:
    """Who types a wrong password now and then is never slowed down."""
    throttle = Throttle(Clock())
    for _ in range(40):
        assert throttle.attempt("ada", "10.0.0.1") == 0
        throttle.succeeded("ada", "10.0.0.1")


def test_an_account_of_ones_own_buys_no_guesses() -> None:
    """Signing in in between does not set back what an address has tried with other names."""
    throttle = Throttle(Clock())
    for number in range(FREE_FOR_ADDRESS):
        assert throttle.attempt(f"name{number}", "10.0.0.1") == 0
        if number % 2 and throttle.attempt("eve", "10.0.0.1") == 0:
            throttle.succeeded("eve", "10.0.0.1")
    assert throttle.attempt("ada", "10.0.0.1") > 0


@pytest.mark.parametrize(("first", "second"), [("2001:db8::1", "2001:db8::ffff:1"), ("10.0.0.1", "10.0.0.1")])
def test_a_network_of_ipv6_is_one_address(first: str, second: str) -> None:
    """A customer of a provider has more addresses of IPv6 than anybody can count."""
    throttle = Throttle(Clock())
    for _ in range(FREE):
        throttle.attempt("ada", first)
    assert throttle.attempt("ada", second) > 0


def test_memory_is_bounded() -> None:
    """Guessing from very many addresses, or for many names, forgets the oldest."""
    throttle = Throttle(Clock(), most_keys=100)
    for number in range(200):
        throttle.attempt(str(number), f"2001:db8:{number:x}::1")
    assert len(throttle._known) == 100
