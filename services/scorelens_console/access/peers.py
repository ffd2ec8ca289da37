"""Who is at the other end of a connection: the addresses of proxies that are trusted, and whom they speak for."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass

from scorelens_runtime.errors import SettingError

_Network = ipaddress.IPv4Network | ipaddress.IPv6Network
_Address = ipaddress.IPv4Address | ipaddress.IPv6Address


@dataclass(frozen=True)
class Peers:
    """Addresses and networks."""

    networks: tuple[_Network, ...] = ()

    def __contains__(self, host: object) -> bool:
        """Tell whether an address is one of them."""
        address = _address(host) if isinstance(host, str) else None
        return address is not None and any(address in network for network in self.networks)

    def __bool__(self) -> bool:
        return bool(self.networks)

    def client(self, peer: str, forwarded: Sequence[str]) -> str:
        """Return the address that a request came from; only what trusted proxies say of others is believed.

        `forwarded` are the values of X-Forwarded-For, to which each proxy appends the address that called it.
        """
        hops = [hop.strip() for value in forwarded for hop in value.split(",")]
        while peer in self and hops:
            address = _address(hops.pop())
            if address is None:
                break
            peer = str(address)
        return peer


def read_peers(text: str) -> Peers:
    """Read addresses and networks with commas between them. Raises SettingError."""
    networks = []
    for part in filter(None, (part.strip() for part in text.split(","))):
        try:
            networks.append(ipaddress.ip_network(part))
        except ValueError as error:
            raise SettingError(f"{part!r} is no address or network such as 10.1.2.3 or 10.1.0.0/16") from error
    return Peers(tuple(networks))


def _address(text: str) -> _Address | None:
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return None
    # A socket that listens on IPv6 shows callers over IPv4 as ::ffff:10.1.2.3.
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return mapped or address
