"""The errors of building."""

from keys.errors import CounterfoilError


class BuildRefused(CounterfoilError):
    """The single file cannot be made from what is there."""
