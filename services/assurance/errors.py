"""The errors of assurance: what was to be shown does not hold."""

from keys.errors import CounterfoilError


class AssuranceError(CounterfoilError):
    """Evidence could not be had, or speaks against what it was to show."""


class GateNotPassed(AssuranceError):
    """An attack got more than its gate allows."""


class ControlHeld(AssuranceError):
    """An attack did not succeed where it must, so that it shows nothing."""
