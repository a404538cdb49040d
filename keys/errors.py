"""The errors of every room: what happened, where, and what to do about it."""


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


class LogError(KeysError):
    """The audit log does not hold together, or is not the one expected."""
