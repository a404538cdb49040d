"""The errors of the matcher."""

from keys.errors import CounterfoilError


class MatcherError(CounterfoilError):
    """Encodings cannot be compared as asked."""


class FloodError(MatcherError):
    """A floor lets through more pairs than the memory budget holds."""
