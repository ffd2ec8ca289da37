"""What every destination of the shipper is: something that takes what records become."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from scorelens_sidecar.spans import DecodedCall

Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class Parcel(Generic[Item]):
    """A thing to deliver, the bytes it takes, and the sequence number of the record it came from."""

    item: Item
    size: int
    sequence: int


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a destination did not keep: how many things it rejected, and which records became dead letters."""

    rejected: int = 0
    dead: frozenset[int] = frozenset()


class StalledError(Exception):
    """A destination has taken nothing for a while: time to look whether its records still are to be delivered."""


class Destination(Protocol[Item]):
    """Takes what records become. Used by one thread."""

    name: str

    def convert(self, decoded: DecodedCall) -> Iterator[tuple[Item, int]]:
        """Yield what a call becomes, each with its size in bytes."""
        ...

    def start(self, parcels: Sequence[Parcel[Item]]) -> None:
        """Begin to deliver; returns at once."""
        ...

    def finish(self, parcels: Sequence[Parcel[Item]]) -> Outcome:
        """Go on until all that was started is delivered or put aside.

        Raises Stopped when told to end first, StalledError from time to time while nothing is taken, and OSError when
        a disk refuses; then the same may be started again.
        """
        ...

    def acknowledged(self, *, caught_up: bool = False) -> None:
        """Hear that the cursor covers everything that was finished; `caught_up`, that it covers the whole spool."""
        ...

    def close(self) -> None:
        """Give back what is held."""
        ...
