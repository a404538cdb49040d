"""Checkpoints as signed notes: found whole, or refused."""

import secrets

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keys.checkpoint import Checkpoint, parse_note, sign_checkpoint
from keys.errors import LogError, SignatureError
from keys.identity import Identity

ROOT = bytes(range(32))
BROKER = Identity.create("broker", random=secrets.token_bytes)
HOLDER = Identity.create("council", random=secrets.token_bytes)


def test_a_checkpoint_is_a_note_that_each_signer_can_be_found_in() -> None:
    signed = sign_checkpoint(Checkpoint("counterfoil/log", 8, ROOT), BROKER).countersigned(HOLDER)
    read = parse_note(signed.note())
    assert read == signed
    read.require_signed_by(BROKER.card)
    read.require_signed_by(HOLDER.card)
    stranger = Identity.create("broker", random=secrets.token_bytes)
    with pytest.raises(SignatureError):
        read.require_signed_by(stranger.card)


@given(st.data())
def test_a_changed_note_is_refused_or_no_longer_signed(data: st.DataObject) -> None:
    note = sign_checkpoint(Checkpoint("counterfoil/log", 5, ROOT), BROKER).note()
    at = data.draw(st.integers(0, len(note) - 1))
    letter = data.draw(st.characters(codec="utf-8").filter(lambda one: one != note[at]))
    changed = note[:at] + letter + note[at + 1 :]
    with pytest.raises((LogError, SignatureError)):
        parse_note(changed).require_signed_by(BROKER.card)


@pytest.mark.parametrize(
    "size", ["", "+5", "05", "5 ", "-5", "5.0", "\N{ARABIC-INDIC DIGIT FIVE}", "9" * 17, "9" * 5000], ids=range(9)
)
def test_a_size_has_one_spelling(size: str) -> None:
    note = sign_checkpoint(Checkpoint("counterfoil/log", 5, ROOT), BROKER).note()
    with pytest.raises(LogError):
        parse_note(note.replace("\n5\n", f"\n{size}\n"))


def test_a_signature_has_one_spelling() -> None:
    """The last letter of base64 can say the same in four ways; only one is taken."""
    note = sign_checkpoint(Checkpoint("counterfoil/log", 5, ROOT), BROKER).note()
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    place = letters.index(note[-3])
    for other in (place ^ 1, place ^ 2, place ^ 3):
        with pytest.raises(LogError):
            parse_note(f"{note[:-3]}{letters[other]}=\n").require_signed_by(BROKER.card)


@pytest.mark.parametrize("size", [0, 31, 33, 64])
def test_a_root_of_another_length_is_refused(size: int) -> None:
    note = sign_checkpoint(Checkpoint("counterfoil/log", 5, bytes(size)), BROKER).note()
    with pytest.raises(LogError):
        parse_note(note)
