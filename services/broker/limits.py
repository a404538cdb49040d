"""How many requests this process takes from whom; each process counts for itself."""

import math
from dataclasses import dataclass

from services.broker.buckets import Buckets
from services.broker.errors import RateLimited
from services.broker.settings import Settings


@dataclass(frozen=True)
class Limits:
    """Parties by their fingerprint, once their signature has been checked; whoever has not signed by address.

    Who has not signed never counts against a party, and a valid signature is never refused for its address: nobody can
    lock out a party by sending in its name or from its network.
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
        _admit(self.strangers, address, now)


def _admit(buckets: Buckets, caller: str, now: float) -> None:
    if wait := buckets.take(caller, now=now):
        raise RateLimited(math.ceil(wait))
