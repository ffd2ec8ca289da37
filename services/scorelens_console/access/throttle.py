"""Growing delays between wrong passwords.

A delay belongs to the address that guesses, alone and together with the name it guesses for, so that nobody can lock
out people elsewhere. Where many addresses guess for one name, each of them gets fewer guesses. A browser in which
somebody has signed in before has delays of its own, so that not even guesses from its own address lock them out.
"""

from __future__ import annotations

import ipaddress
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

FREE: Final = 5
"""Wrong passwords of one address for one name that nothing follows."""
FREE_AMID_MANY: Final = 1
"""The same while many addresses guess for that name."""
MANY: Final = 50
FREE_FOR_ADDRESS: Final = 20
"""Wrong passwords of one address for any names."""
LONGEST: Final = 900.0
FORGOTTEN: Final = 3600.0
"""Seconds after the last wrong password when all is forgotten."""
MOST_KEYS: Final = 100_000

_Key = tuple[str, ...]


@dataclass
class _Failures:
    count: int = 0
    last: float = 0.0


class Throttle:
    """Counts the wrong passwords of this process; every attempt counts as wrong until it proves right."""

    def __init__(self, clock: Callable[[], float] = time.monotonic, most_keys: int = MOST_KEYS) -> None:
        self._clock, self._most_keys = clock, most_keys
        self._lock = threading.Lock()
        self._known: OrderedDict[_Key, _Failures] = OrderedDict()

    def attempt(self, name: str, address: str, device: str = "") -> float:
        """Count an attempt and return 0, or return the seconds to wait before there may be one.

        `device` is the mark of a browser in which this name has signed in before.
        """
        with self._lock:
            keys = _keys(name, address, device)
            wait = max(self._wait(key, free) for key, free in self._limits(name, keys))
            if wait <= 0:
                for key in (*keys, ("name", name)):
                    self._count(key)
            return max(0.0, wait)

    def succeeded(self, name: str, address: str, device: str = "") -> None:
        """Forget the attempts of an address for a name, and take this one back from what the address has in all."""
        with self._lock:
            for key in _keys(name, address, device):
                if key[0] == "address" and key in self._known:
                    self._known[key].count -= 1
                else:
                    self._known.pop(key, None)
            if ("name", name) in self._known:
                self._known["name", name].count -= 1

    def _limits(self, name: str, keys: tuple[_Key, ...]) -> list[tuple[_Key, int]]:
        many = self._failures(("name", name)).count >= MANY
        free = {"address": FREE_FOR_ADDRESS, "device": FREE, "pair": FREE_AMID_MANY if many else FREE}
        return [(key, free[key[0]]) for key in keys]

    def _wait(self, key: _Key, free: int) -> float:
        failures = self._failures(key)
        if failures.count < free:
            return 0.0
        delay = min(LONGEST, 2.0 ** min(failures.count - free, 30))
        return failures.last + delay - self._clock()

    def _failures(self, key: _Key) -> _Failures:
        found = self._known.get(key)
        return found if found and found.last > self._clock() - FORGOTTEN else _Failures()

    def _count(self, key: _Key) -> None:
        self._known[key] = _Failures(self._failures(key).count + 1, self._clock())
        self._known.move_to_end(key)
        while len(self._known) > self._most_keys:
            self._known.popitem(last=False)


def _keys(name: str, address: str, device: str) -> tuple[_Key, ...]:
    if device:
        return (("device", device, name),)
    network = _network(address)
    return ("pair", network, name), ("address", network)


def _network(address: str) -> str:
    """Return an address of IPv4, or the network of IPv6 that one customer of a provider has."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return address
    return str(ipaddress.ip_network((found, 64), strict=False)) if found.version == 6 else str(found)
