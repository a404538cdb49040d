"""New keys for the same party: a statement by the old ones that names the new card."""

from __future__ import annotations

from typing import Any

from keys.errors import IdentityError, SignatureError
from keys.identity import Card, Identity
from keys.kinds import Declared
from keys.statement import Statement, declare


def declare_rotation(old: Identity, new: Card) -> Statement:
    """The old identity's word that ``new`` is its owner's card from now on."""
    return declare(old, Declared.ROTATION, {"old": old.card.fingerprint, "new": new.to_json()})


def read_rotation(document: Any, old: Card, *, where: str) -> Card:
    """The new card, if the owner of the card ``old`` has signed for it under the same name.

    It proves no more than that somebody had the old keys: whoever stole them can sign too. Raises ``SignatureError``
    or ``IdentityError``.
    """
    try:
        body = Statement.from_json(document).verify(old, kind=Declared.ROTATION)
    except SignatureError as error:
        raise SignatureError(
            f"This is not a rotation signed with the keys of {old.name}'s card.",
            where=where,
            remedy="Check that the card is the one you had before, and ask for the file again.",
        ) from error
    if set(body) != {"old", "new"} or body["old"] != old.fingerprint:
        raise SignatureError("The rotation is not in the right form.", where=where, remedy="Ask for it again.")
    new = Card.from_json(body["new"], where=where)
    if new.name != old.name or new.fingerprint == old.fingerprint:
        raise IdentityError(
            "The rotation does not name a new card of the same party.", where=where, remedy="Ask its owner about it."
        )
    return new
