"""A question to the person at the terminal, before something is done that cannot be undone."""

from __future__ import annotations

import sys

from encoder.errors import EncoderError


class NobodyToAsk(EncoderError):
    """A question must be answered and no person is at a terminal."""


class NotAgreed(EncoderError):
    """A person was asked and did not say yes."""


def ask(question: str) -> None:
    """Return if the person says yes. Raises ``NotAgreed`` if not, ``NobodyToAsk`` where there is no terminal.

    The question goes to stderr, so that stdout holds the result alone. An answer is never read from a file or a pipe:
    what stands there was not written in view of what is shown.
    """
    if not somebody_is_there():
        raise _nobody()
    sys.stderr.write(f"{question} [y/N]: ")
    sys.stderr.flush()
    answer = sys.stdin.readline()
    if not answer:  # on Windows the null device passes for a terminal
        sys.stderr.write("\n")
        raise _nobody()
    if answer.strip().casefold() not in ("y", "yes"):
        raise NotAgreed("You did not say yes.", remedy="Nothing was done.")


def somebody_is_there() -> bool:
    """Whether there is a terminal to read an answer from."""
    return sys.stdin is not None and sys.stdin.isatty()


def _nobody() -> NobodyToAsk:
    return NobodyToAsk(
        "There is nobody to ask: the input is not a terminal.",
        remedy="Run the command in a terminal, or say --yes, which answers every question with yes.",
    )
