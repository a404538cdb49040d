"""How many requests this process takes from whom; each process counts for itself."""

import math
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address, ip_network

from services.broker.errors import RateLimited
from services.broker.front.buckets import Buckets
from services.broker.settings import Settings


@dataclass(frozen=True)
class Limits:
    """Parties by their fingerprint, once their signature has been checked; whoever has not signed by address.

    Who has not signed never counts against a party, and a valid signature is never refused for its address, but for
    one that can be checked only with what the request brings: nobody can lock out a party by sending in its name or
    from its network.
    """

    parties: Buckets
    strangers: Buckets

    @classmethod
    def of(cls, settings: Settings) -> "Limits":
        return cls(
            Buckets(rate=settings.party_requests_per_second, size=settings.party_requests_at_once),
            Buckets(rate=settings.unsigned_requests_per_second, size=settings.unsigned_requests_at_once),
        )

    def admit_party(self, fingerprint: str, *, now: float) -> None:
        """Raises ``RateLimited``."""
        _admit(self.parties, fingerprint, now)

    def admit_stranger(self, address: str, *, now: float) -> None:
        """Raises ``RateLimited``."""
        _admit(self.strangers, place_of(address), now)


def _admit(buckets: Buckets, caller: str, now: float) -> None:
    if wait := buckets.take(caller, now=now):
        raise RateLimited(math.ceil(wait))


def place_of(address: str) -> str:
    """What counts as one place: an IPv4 address, or the /64 network of an IPv6 address, all of which one host may use.

    Everything that is no address is one place.
    """
    try:
        found = ip_address(address)
    except ValueError:
        return ""
    if not isinstance(found, IPv6Address):
        return str(found)
    if found.ipv4_mapped is not None:
        return str(found.ipv4_mapped)
    return str(ip_network((int(found), 64), strict=False))
