"""The name of every sealed file and every signed statement, in one table.

A name is bound into what is sealed or signed, so nothing made for one purpose can serve for another.
"""

from enum import StrEnum


class Sealed(StrEnum):
    """Envelopes (``keys.envelope``)."""

    CONTRIBUTION = "contribution"
    """From a holder to another: its part of the linkage secret."""
    UPLOAD = "upload"
    """From a holder to the broker's key for the agreement: its encodings."""
    RELEASE = "release"
    """From the broker to a holder: a token or link key for each of its rows."""
    RUN_KEY = "run key"
    """From the broker to the recipient: what opens the tokens of one run."""
    RECEIVING_KEY = "receiving key"
    """From the broker to itself: the private key that opens the uploads of one agreement."""
    LINKAGE_SECRET = "linkage secret"  # noqa: S105 - the kind of a file, not its content
    """From a holder to itself."""
    HANDLES = "handles"
    """From a holder to itself: which handle is which row's."""
    PSEUDONYM_KEY = "pseudonym key"
    """From the recipient to itself: what makes link keys its own."""


class Declared(StrEnum):
    """Signed statements (``keys.statement``)."""

    AGREEMENT = "agreement signature"
    """By every party: it has read this agreement."""
    RECEIVING_KEY = "receiving key"
    """By the broker: the address of its key for the agreement."""
    RECEIPT = "receipt"
    """By the broker: it has accepted this upload."""
    APPROVAL = "approval"
    """By an IG lead: the release of this run may go ahead."""
    REFUSAL = "refusal"
    """By an IG lead: this run shall not be released."""
    OPENING = "control rows opening"
    """By a holder: it opens the control rows of its upload to a run whose links are decided."""
    DESTRUCTION = "destruction receipt"
    """By the broker: the agreement's uploads, pairs and links are destroyed."""
    ROTATION = "rotation"
    """By a party's old identity: its new card."""
