"""The errors of every room: what happened, where, and what to do about it."""

from __future__ import annotations

from typing import Any


class CounterfoilError(Exception):
    """Something that a person must act on.

    ``what`` is one sentence, ``where`` names the file, row and column or the resource, and ``remedy`` says
    what to do. The message never holds a value of an identifier, a secret or an encoding.
    """

    exit_code = 1

    def __init__(self, what: str, *, remedy: str, where: str | None = None) -> None:
        super().__init__(what)
        self.what = what
        self.where = where
        self.remedy = remedy

    def __str__(self) -> str:
        place = f"{self.where}: " if self.where else ""
        return f"{place}{self.what} {self.remedy}"

    def __reduce__(self) -> tuple[Any, ...]:
        """So that an error can be handed from process to process, whatever arguments its class takes."""
        return _again, (type(self), self.args, self.__dict__)


def _again(kind: type[CounterfoilError], args: tuple[Any, ...], facts: dict[str, Any]) -> CounterfoilError:
    error = kind.__new__(kind)
    error.args = args
    error.__dict__.update(facts)
    return error


class KeysError(CounterfoilError):
    """A document, secret or envelope cannot be trusted or used."""


class AgreementError(KeysError):
    """The agreement is incomplete, unsafe, unsigned or not the one expected."""


class SignatureError(KeysError):
    """A signature does not belong to the bytes or to the party that it is said to come from."""


class EnvelopeError(KeysError):
    """A sealed file is damaged, or was not sealed by this sender, to this receiver, for this agreement."""


class IdentityError(KeysError):
    """An identity file or a card cannot be read or opened."""


class SecretError(KeysError):
    """The linkage secret is missing or incomplete."""


class TokenError(KeysError):
    """A token does not open with this run's key."""


class ControlError(KeysError):
    """Control rows cannot be opened, or the links that the broker shows of them do not hold."""


class LogError(KeysError):
    """The audit log does not hold together, or is not the one expected."""
