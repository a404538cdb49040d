"""A party's new card is taken from its old keys, and from nobody else."""

from typing import Any

import pytest

from keys.canonical import canonical, parse
from keys.errors import IdentityError, KeysError, SignatureError
from keys.identity import Identity
from keys.rotation import declare_rotation, read_rotation
from keys.statement import declare
from tests.doors import drawn, identity

OLD = identity("Example Council")
NEW = Identity.create("Example Council", random=drawn("new keys"))
STATEMENT = declare_rotation(OLD, NEW.card).to_json()


def test_the_new_card_is_read_with_the_old_one() -> None:
    sent = parse(canonical(STATEMENT), where="file")
    assert read_rotation(sent, OLD.card, where="file") == NEW.card


def body(**changes: Any) -> dict[str, Any]:
    return {"old": OLD.card.fingerprint, "new": NEW.card.to_json(), **changes}


_WRONG: dict[str, tuple[Any, type[KeysError]]] = {
    "signed by the new keys": (declare(NEW, "rotation", body()).to_json(), SignatureError),
    "signed by somebody else": (declare(identity("Eve"), "rotation", body()).to_json(), SignatureError),
    "said to be by the old keys": (
        {**declare(identity("Eve"), "rotation", body()).to_json(), "signer": OLD.card.fingerprint},
        SignatureError,
    ),
    "signed as something else": (declare(OLD, "approval", body()).to_json(), SignatureError),
    "renamed to a rotation": ({**declare(OLD, "approval", body()).to_json(), "kind": "rotation"}, SignatureError),
    "another card put in": ({**STATEMENT, "body": body(new=identity("Eve").card.to_json())}, SignatureError),
    "of another old card": (declare(OLD, "rotation", body(old=NEW.card.fingerprint)).to_json(), SignatureError),
    "with more in it": (declare(OLD, "rotation", body(more=1)).to_json(), SignatureError),
    "without a new card": (declare(OLD, "rotation", {"old": OLD.card.fingerprint}).to_json(), SignatureError),
    "to another name": (declare(OLD, "rotation", body(new=identity("Eve").card.to_json())).to_json(), IdentityError),
    "to the same card": (declare(OLD, "rotation", body(new=OLD.card.to_json())).to_json(), IdentityError),
    "to no card": (declare(OLD, "rotation", body(new={})).to_json(), IdentityError),
    "no statement": ({}, SignatureError),
    "a card": (NEW.card.to_json(), SignatureError),
    "null": (None, SignatureError),
}


@pytest.mark.parametrize(("document", "error"), _WRONG.values(), ids=_WRONG)
def test_what_is_not_a_rotation_by_the_old_keys_is_refused(document: Any, error: type[KeysError]) -> None:
    with pytest.raises(error) as caught:
        read_rotation(document, OLD.card, where="the file")
    assert caught.value.where == "the file"
