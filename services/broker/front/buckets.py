"""How many requests a caller may send: one token bucket each, with the time passed in."""

from threading import Lock

_MANY = 10_000
"""Callers that are kept in mind. Those whose buckets have filled again need not be."""


class Buckets:
    """A bucket of ``size`` requests for every caller, which fills again at ``rate`` requests a second."""

    def __init__(self, *, rate: float, size: int) -> None:
        self._rate = rate
        self._size = float(size)
        self._left: dict[str, tuple[float, float]] = {}
        self._lock = Lock()

    def take(self, caller: str, *, now: float) -> float:
        """0 if the caller's request is within the limit, and counts; else the seconds until one would be.

        ``now`` in seconds of any clock; one that is set back gives nobody more and takes nothing away.
        """
        with self._lock:
            if len(self._left) >= _MANY and caller not in self._left:
                self._forget(now)
            tokens = self._tokens(caller, now)
            if tokens < 1:
                self._left[caller] = (tokens, now)
                return (1 - tokens) / self._rate
            self._left[caller] = (tokens - 1, now)
            return 0.0

    def __len__(self) -> int:
        """Callers that are kept in mind."""
        return len(self._left)

    def _tokens(self, caller: str, now: float) -> float:
        tokens, then = self._left.get(caller, (self._size, now))
        return min(self._size, tokens + self._rate * max(0.0, now - then))

    def _forget(self, now: float) -> None:
        """Those that have been silent until their bucket was full; if nobody has, those that are nearest to it."""
        tokens = {caller: self._tokens(caller, now) for caller in self._left}
        full = [caller for caller, left in tokens.items() if left >= self._size]
        for caller in full or sorted(tokens, key=tokens.__getitem__)[-_MANY // 10 :]:
            del self._left[caller]
