"""The errors of the broker: what a party may be told, and nothing else."""

from keys.errors import CounterfoilError


class BrokerError(CounterfoilError):
    """A request or a run cannot go on."""


class NotFound(BrokerError):
    """There is no such thing, or this party may not know of it: both answer alike."""

    def __init__(self) -> None:
        super().__init__(
            "There is nothing here for this party.",
            remedy="Check the address and that you use the identity whose card is in the agreement.",
        )


class Unauthenticated(BrokerError):
    """The request carries no signature that this broker can verify."""


class Conflict(BrokerError):
    """What is there already, or the state of the run, does not allow this."""


class Gone(BrokerError):
    """It was here and has been destroyed, as the agreement says."""


class Refused(BrokerError):
    """The content is not acceptable; nothing was changed."""


class DatabaseAway(BrokerError):
    """The database does not answer for now, or gave up a transaction for the sake of another."""

    def __init__(self) -> None:
        super().__init__(
            "The broker's database is away for a while.",
            remedy="Try again in a moment; if it lasts, ask the broker's operator to look at the database.",
        )


class RateLimited(BrokerError):
    """The caller has sent more requests than the broker takes in this time."""

    def __init__(self, seconds: int) -> None:
        """``seconds`` until a request is taken again."""
        super().__init__(
            "These are more requests than the broker takes in this time.",
            remedy=f"Wait for {seconds} seconds, then send the request again.",
        )
        self.seconds = seconds


class NotReady(BrokerError):
    """The broker runs but cannot serve."""

    def __init__(self, failing: list[str]) -> None:
        """``failing``: names of checks."""
        super().__init__("The broker cannot serve just now.", remedy="Wait, or ask its operator to read the log.")
        self.failing = failing


class StorageAway(BrokerError):
    """The object storage does not answer for now."""

    def __init__(self) -> None:
        super().__init__(
            "The broker's storage is away for a while.",
            remedy="Try again in a moment; if it lasts, ask the broker's operator to look at the storage.",
        )


AWAY = (DatabaseAway, StorageAway)
"""What comes back by itself: whoever can do all of it again waits for it."""


class BeingChecked(BrokerError):
    """An upload whose sender knows no other way to be told to ask again."""

    def __init__(self) -> None:
        super().__init__("The upload is being checked.", remedy="Give the same command again in a minute.")


class TooLarge(BrokerError):
    """The body is larger than the broker takes."""
