"""The errors of the encoder."""

from keys.errors import CounterfoilError


class EncoderError(CounterfoilError):
    """A file, its columns or its values cannot be used as they are."""


class InputError(EncoderError):
    """The input file is missing, empty or not in the form that was declared."""


class ColumnsError(EncoderError):
    """The columns file does not fit the input file."""


class ValueRefused(EncoderError):
    """A value cannot be read, or a whole column is ambiguous."""


class SchemaError(EncoderError):
    """A linkage schema is not valid, or asks for what it cannot have."""


class OutputError(EncoderError):
    """An output file cannot be written, or is there already."""


class BrokerRefused(EncoderError):
    """The broker refused a request, or cannot be reached."""


class Unreachable(BrokerRefused):
    """No answer of the broker came; the same request may get one later."""

    def __init__(
        self,
        what: str,
        *,
        remedy: str,
        where: str | None = None,
        retry_after: float | None = None,
        too_many: bool = False,
    ) -> None:
        """``retry_after``: the seconds that whoever answered asks to wait; ``too_many``: because of this party's own
        requests, so that nothing has failed."""
        super().__init__(what, remedy=remedy, where=where)
        self.retry_after = retry_after
        self.too_many = too_many


class NothingThere(BrokerRefused):
    """The broker has no such thing, or this party may not know of it: it does not say which."""
