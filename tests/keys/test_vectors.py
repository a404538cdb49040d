"""The vectors of ``tests/vectors/keys``, each a test; see the README there."""

from __future__ import annotations

import copy
import hashlib
import json
from collections.abc import Callable, Mapping
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

from keys.agreement import Agreement, Role
from keys.canonical import canonical, parse
from keys.checkpoint import parse_note
from keys.derive import Label, key_check, subkey
from keys.envelope import open_bytes
from keys.errors import KeysError, SignatureError
from keys.identity import Card, Identity
from keys.kinds import Declared, Sealed
from keys.log import Log, require_one_log, verify_log
from keys.merkle import leaf_hash, root, verify_consistency, verify_inclusion
from keys.protocol import Event, State
from keys.receiving import ReceivingKey
from keys.request import Message, content_digest, verify_request
from keys.secret import combine
from keys.statement import Statement
from keys.tokens import LINK_ID_BYTES, TOKEN_BYTES, open_tokens
from keys.words import words_of
from tests.vectors.making.make import written

ROOT = Path(__file__).parents[1] / "vectors" / "keys"
FILES = sorted(path.relative_to(ROOT).as_posix() for path in ROOT.glob("*/*.json"))
WHERE = "vector"


# How to read a vector.


@cache
def given() -> Mapping[str, Any]:
    shared: Mapping[str, Any] = json.loads((ROOT / "given.json").read_text(encoding="utf-8"))
    return shared


def filled(value: Any) -> Any:
    """With what is shared in place of its name."""
    if isinstance(value, dict):
        if set(value) == {"given"}:
            return filled(given()[value["given"]])
        return {name: filled(one) for name, one in value.items()}
    return [filled(one) for one in value] if isinstance(value, list) else value


def read(file: str) -> dict[str, Any]:
    vector: dict[str, Any] = filled(json.loads((ROOT / file).read_text(encoding="utf-8")))
    return vector


def joined(pieces: list[Any]) -> bytes:
    return b"".join(piece if isinstance(piece, bytes) else _bytes(piece) for piece in pieces)


def _bytes(piece: Any) -> bytes:
    match piece:
        case str():
            return bytes.fromhex(piece)
        case {"text": text}:
            return str(text).encode()
        case {"zeros": count}:
            return bytes(count)
        case {"shake256": label, "from": start, "length": length}:
            return hashlib.shake_256(label.encode()).digest(start + length)[start:]
        case {"chacha20poly1305": {"key": key, "nonce": nonce, "plain": plain}}:
            return ChaCha20Poly1305(bytes.fromhex(key)).encrypt(bytes.fromhex(nonce), joined(plain), None)
    raise AssertionError(f"a piece of no known form: {piece}")


# What each folder is about. A runner takes an input and gives what is expected, or raises.


def _canonical(case: Any) -> Any:
    made = canonical(parse(joined(case["json"]), where=WHERE))
    return {"canonical": [{"text": made.decode()}], "sha256": hashlib.sha256(made).hexdigest()}


def _card(case: Any) -> Any:
    card = Card.from_json(case["card"])
    return {
        "fingerprint": card.fingerprint,
        "words": words_of(card.fingerprint),
        "key_id": card.receiving.key_id,
    }


def _identity(case: Any) -> Any:
    identity = Identity.unlock(canonical(case["file"]), case["passphrase"], where=WHERE)
    return {
        "fingerprint": identity.card.fingerprint,
        "signing_seed": identity.signing_key().private_bytes_raw().hex(),
        "receiving_seeds": identity.receiving.seeds().hex(),
    }


def _statement(case: Any) -> Any:
    body = Statement.from_json(case["statement"]).verify(Card.from_json(case["card"]), kind=case["kind"])
    return {"body": body}


def _envelope(case: Any) -> Any:
    key = ReceivingKey(bytes.fromhex(case["receiving_seeds"]))
    header, payload = open_bytes(
        joined(case["envelope"]),
        kind=case["kind"],
        agreement=case["agreement"],
        sender=Card.from_json(case["sender"]),
        key=key,
    )
    return {"payload": hashlib.sha256(payload).hexdigest(), "context": header.context}


def _agreement(case: Any) -> Any:
    agreement = Agreement.from_json(case["agreement"])
    agreement.require_in_force(datetime.fromisoformat(case["now"]))
    return {"id": agreement.id}


def _secret(case: Any) -> Any:
    parts = {fingerprint: bytes.fromhex(part) for fingerprint, part in case["contributions"].items()}
    secret = combine(parts, agreement=case["agreement"])
    subkeys = [
        {**one, "key": subkey(secret, Label(one["label"]), context=one["context"]).hex()} for one in case["subkeys"]
    ]
    return {"secret": secret.key().hex(), "subkeys": subkeys, "key_check": key_check(secret)}


def _tokens(case: Any) -> Any:
    raw = bytes.fromhex("".join(case["tokens"]))
    tokens = np.frombuffer(raw, dtype=np.uint8).reshape(len(case["tokens"]), TOKEN_BYTES)
    link_ids = open_tokens(tokens, run_key=bytes.fromhex(case["run_key"]), run=case["run"])
    assert link_ids.shape == (len(tokens), LINK_ID_BYTES)
    return {"link_ids": [one.tobytes().hex() for one in link_ids]}


def _request(case: Any) -> Any:
    cards = {card.fingerprint: card for card in map(Card.from_json, case["cards"])}
    message = Message(case["method"], case["url"], dict(case["headers"]))
    now = datetime.fromisoformat(case["now"])
    signer = verify_request(message, broker=case["broker"], card_of=cards.get, now=now)
    if message.headers["Content-Digest"] != content_digest(case["body"].encode()):
        raise SignatureError("The body is another one.", remedy="This check is the caller's.")
    return {"signer": signer.fingerprint, "nonce": signer.nonce, "kept_until": signer.kept_until.isoformat()}


def _merkle(case: Any) -> Any:
    if case["check"] == "root":
        return {"root": root([leaf_hash(bytes.fromhex(leaf)) for leaf in case["leaves"]]).hex()}
    proof = [bytes.fromhex(one) for one in case["proof"]]
    if case["check"] == "inclusion":
        leaf = bytes.fromhex(case["leaf_hash"]) if "leaf_hash" in case else leaf_hash(bytes.fromhex(case["leaf"]))
        verify_inclusion(leaf, case["index"], case["size"], proof, bytes.fromhex(case["root"]))
    else:
        old_root, new_root = bytes.fromhex(case["old_root"]), bytes.fromhex(case["new_root"])
        verify_consistency(case["old"], case["new"], old_root, new_root, proof)
    return {"holds": True}


def _checkpoint(case: Any) -> Any:
    signed = parse_note(case["note"])
    for card in case["signed_by"]:
        signed.require_signed_by(Card.from_json(card))
    found = signed.checkpoint
    return {"origin": found.origin, "size": found.size, "root": found.root.hex()}


def _log(case: Any) -> Any:
    logs = [Log.from_json(document, where=WHERE) for document in case["logs"]]
    kept = [parse_note(note) for note in case["kept"]]
    verified = [verify_log(log, where=WHERE, kept=kept) for log in logs]
    for other in logs[1:]:
        require_one_log(logs[0], other, where=WHERE)
    return {"entries": verified[0].entries, "countersigned": verified[0].countersigned}


RUNNERS: Mapping[str, Callable[[Any], Any]] = {
    "agreement": _agreement,
    "canonical": _canonical,
    "card": _card,
    "checkpoint": _checkpoint,
    "envelope": _envelope,
    "identity": _identity,
    "log": _log,
    "merkle": _merkle,
    "request": _request,
    "secret": _secret,
    "statement": _statement,
    "tokens": _tokens,
}


def folder_of(file: str) -> str:
    return file.partition("/")[0]


def check(file: str, vector: Mapping[str, Any]) -> None:
    """Fails unless what goes in comes out as expected, or is refused by one of our own errors."""
    run = RUNNERS[folder_of(file)]
    if "fault" in vector:
        with pytest.raises(KeysError):
            run(vector["input"])
    else:
        expected = dict(vector["expected"])
        if folder_of(file) == "envelope":
            expected["payload"] = hashlib.sha256(joined(expected["payload"])).hexdigest()
        assert run(vector["input"]) == expected


@pytest.mark.parametrize("file", FILES)
def test_vector(file: str) -> None:
    check(file, read(file))


# That the vectors say what they should, and that this runner can fail.

ACCEPTED = [file for file in FILES if "/accept-" in file]
SPOTS: Mapping[str, tuple[str | int, ...]] = {
    "agreement": ("agreement", "signatures", 0, "signature"),
    "canonical": ("json", 0, "text"),
    "card": ("card", "signing"),
    "checkpoint": ("note",),
    "envelope": ("envelope",),
    "identity": ("file", "sealed"),
    "log": ("logs", 0, "entries", 0, "checkpoint"),
    "request": ("method",),
    "secret": ("agreement",),
    "statement": ("statement", "signature"),
    "tokens": ("tokens",),
}
"""A place in the input of each folder where any damage must show."""
MERKLE_SPOTS = {"root": ("leaves",), "inclusion": ("root",), "consistency": ("new_root",)}


def damaged(file: str, case: Any) -> Any:
    """The input with another first letter or digit, or with one thing more in a list."""
    changed = copy.deepcopy(case)
    path = SPOTS.get(folder_of(file)) or MERKLE_SPOTS[case["check"]]
    place = changed
    for step in path[:-1]:
        place = place[step]
    value = place[path[-1]]
    if isinstance(value, list):
        value.append("00" * 44)
    else:
        at = next(at for at, letter in enumerate(value) if letter.isalnum())
        place[path[-1]] = value[:at] + ("1" if value[at] != "1" else "2") + value[at + 1 :]
    return changed


@pytest.mark.parametrize("file", ACCEPTED)
def test_a_damaged_vector_fails(file: str) -> None:
    vector = read(file)
    with pytest.raises((AssertionError, KeysError)):
        check(file, {**vector, "input": damaged(file, vector["input"])})
    wrong = dict.fromkeys(vector["expected"]) | {"payload": []}
    with pytest.raises(AssertionError):
        check(file, {**vector, "expected": wrong})
    with pytest.raises(pytest.fail.Exception):
        check(file, {"input": vector["input"], "fault": "none"})


@pytest.mark.parametrize("folder", RUNNERS)
def test_every_folder_has_what_must_be_accepted_and_what_must_be_refused(folder: str) -> None:
    of_folder = [file.partition("/")[2] for file in FILES if folder_of(file) == folder]
    assert {file.partition("-")[0] for file in of_folder} == {"accept", "reject"}
    for file in of_folder:
        vector = json.loads((ROOT / folder / file).read_text(encoding="utf-8"))
        assert set(vector) == {"about", "input", "expected" if file.startswith("accept") else "fault"}
        assert vector["about"].endswith(".")


def test_every_kind_of_sealed_file_statement_and_subkey_has_a_vector() -> None:
    inputs = {file: read(file)["input"] for file in ACCEPTED}
    assert {case["kind"] for file, case in inputs.items() if folder_of(file) == "envelope"} == set(Sealed)
    assert {case["kind"] for file, case in inputs.items() if folder_of(file) == "statement"} == set(Declared)
    labels = {one["label"] for file, case in inputs.items() if folder_of(file) == "secret" for one in case["subkeys"]}
    assert labels | {Label.KEY_CHECK} == set(Label)


def test_the_files_are_what_their_maker_writes() -> None:
    there = {path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8") for path in ROOT.rglob("*.json")}
    assert written() == there


def test_the_readme_names_every_folder() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert [folder for folder in RUNNERS if f"| `{folder}` |" not in readme] == []


def test_the_reference_names_every_kind_event_state_and_subkey() -> None:
    reference = (ROOT.parents[2] / "docs" / "reference" / "formats.md").read_text(encoding="utf-8")
    words = [*Sealed, *Declared, *Event, *State, *Label, *Role]
    assert [word.value for word in words if f"`{word.value}`" not in reference] == []
