"""Checkpoints and audit logs, as a broker writes them: true, forged by others, forged by the broker."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from typing import Any

from tests.vectors.making.case import Case, Folder, drawn, flipped, plain_json
from tests.vectors.making.cast import ID, PARTIES, STRANGER, TERMS, Keys, agreed, agreement_id, party
from tests.vectors.making.trees import root_of

_CHECKPOINT, _LOG = Folder("checkpoint"), Folder("log")
_ORIGIN = f"counterfoil/agreement/{ID}"
BROKER, COUNCIL, ICB = party("broker"), party("council"), party("icb")
Facts = Mapping[str, Any]


def line(text: str, signer: Keys, *, named: Keys | None = None) -> str:
    """A signature line of a note (C2SP signed-note): key name, then key hash and signature."""
    name = f"counterfoil/{(named or signer).fingerprint}"
    key = signer.signing.public_key().public_bytes_raw()
    key_hash = hashlib.sha256(name.encode() + b"\n\1" + key).digest()[:4]
    return f"— {name} {base64.b64encode(key_hash + signer.signing.sign(text.encode())).decode()}\n"


def note(size: int | str, root: bytes, *signers: Keys, origin: str = _ORIGIN) -> str:
    text = f"{origin}\n{size}\n{base64.b64encode(root).decode()}\n"
    return text + "\n" + "".join(line(text, signer) for signer in signers)


def checkpoint_cases() -> Iterator[Case]:
    root = drawn("root", 32)
    one, two = note(12, root, BROKER), note(12, root, BROKER, COUNCIL)
    text = one.partition("\n\n")[0] + "\n"
    unknown = text + "\n" + line(text, BROKER) + "— example.org/log AAAAAAAA\n" + line(text, COUNCIL)
    expected = {"origin": _ORIGIN, "size": 12, "root": root.hex()}
    for name, about, written, signers in (
        ("by-the-broker", "A checkpoint as the broker signs it.", one, ["broker"]),
        ("countersigned", "The same, countersigned by a holder.", two, ["broker", "council"]),
        (
            "with-unknown-line",
            "A line by somebody who is not asked about is passed over.",
            unknown,
            ["broker", "council"],
        ),
    ):
        yield _CHECKPOINT.accept(name, about, _asked(written, signers), expected)
    blob = base64.b64decode(one.rsplit(" ", 1)[1])
    loose = one[:-3] + chr(ord(one[-3]) + 1) + one[-2:]
    for name, about, written in (
        ("changed-size", "The size was changed.", one.replace("\n12\n", "\n13\n")),
        ("changed-root", "The root was changed.", one.replace(_b64(root), _b64(flipped(root, 0)))),
        ("changed-origin", "The log's name was changed.", one.replace("agreement", "another")),
        (
            "bit-flipped-signature",
            "One bit of the signature was changed.",
            one.replace(_b64(blob), _b64(flipped(blob, 30))),
        ),
        ("another-key-hash", "The key's hash is of another key.", one.replace(_b64(blob), _b64(flipped(blob, 0)))),
        ("signed-by-another", "Signed by somebody else.", note(12, root, party(STRANGER))),
        (
            "signed-in-the-name-of-another",
            "Somebody else's signature under the broker's name.",
            text + "\n" + line(text, party(STRANGER), named=BROKER),
        ),
        ("size-too-long", "A size of 5,000 digits.", note("9" * 5000, root, BROKER)),
        ("base64-loose-bits", "Another spelling of the same signature.", loose),
        ("windows-line-ends", "Line ends of another system.", one.replace("\n", "\r\n")),
    ):
        yield _CHECKPOINT.reject(name, about, _asked(written, ["broker"]))


def _asked(written: str, signers: Sequence[str]) -> dict[str, Any]:
    return {"note": written, "signed_by": [party(name).card for name in signers]}


def _extended(root: bytes) -> str:
    text = f"{_ORIGIN}\n12\n{_b64(root)}\nmore\n"
    return text + "\n" + line(text, BROKER)


def _b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


# Audit logs.


def _fact(minute: int, event: str, **more: Any) -> Facts:
    return {"event": event, "at": f"2026-06-01T12:{minute:02}:00.000000+00:00", "agreement": ID, **more}


def _digest(label: str) -> str:
    return f"sha-256=:{_b64(drawn(label, 32))}:"


def _decided(minute: int, holder: str, run: str, *, refused: bool = False, signer: str | None = None) -> Facts:
    body = {"agreement": ID, "run": run}
    statement = party(signer or f"{holder}-lead").declare("refusal" if refused else "approval", body)
    event = "release refused" if refused else "release approved"
    return _fact(minute, event, run=run, by=f"{holder}-lead", statement=statement)


_RUN, _FIRST_RUN = drawn("run", 16).hex(), drawn("first run", 16).hex()
_UPLOADS = {name: drawn(f"upload of {name}", 16).hex() for name in ("council", "icb")}
_BETTER = drawn("better upload of icb", 16).hex()


@cache
def told() -> tuple[Facts, ...]:
    """From the agreement to destruction: a run that was declined, a better upload, a run that was released."""
    uploads = {"council": _UPLOADS["council"], "icb": _BETTER}
    receipt = {"agreement": ID, "runs": [_FIRST_RUN, _RUN], "destroyed_at": "2026-06-04T12:00:00.000000+00:00"}
    return (
        _fact(0, "agreement received", by="council"),
        _fact(1, "contribution relayed", sender="council", receiver="icb", content_digest=_digest("to icb")),
        _fact(2, "contribution relayed", sender="icb", receiver="council", content_digest=_digest("to council")),
        _fact(3, "upload accepted", holder="council", upload=_UPLOADS["council"], content_digest=_digest("upload 1")),
        _fact(4, "upload accepted", holder="icb", upload=_UPLOADS["icb"], content_digest=_digest("upload 2")),
        _fact(5, "run started", run=_FIRST_RUN, by="icb", uploads=_UPLOADS),
        _fact(6, "run changed", run=_FIRST_RUN, state="matched"),
        _decided(7, "council", _FIRST_RUN, refused=True),
        _fact(7, "run changed", run=_FIRST_RUN, state="declined"),
        _fact(8, "upload replaced", holder="icb", upload=_BETTER, content_digest=_digest("upload 3")),
        _fact(9, "run started", run=_RUN, by="council", uploads=uploads),
        _fact(10, "run changed", run=_RUN, state="matched"),
        _decided(11, "icb", _RUN),
        _decided(12, "council", _RUN),
        _fact(12, "run changed", run=_RUN, state="approved"),
        _fact(13, "run changed", run=_RUN, state="released"),
        _fact(14, "data destroyed", receipt=BROKER.declare("destruction receipt", receipt)),
    )


def entries(facts: Iterable[Facts], *, broker: Keys = BROKER, origin: str = _ORIGIN) -> list[dict[str, Any]]:
    """What a broker would write and sign: after each entry a checkpoint over all so far."""
    found, leaves = [], []
    for one in facts:
        leaves.append(plain_json(one))
        found.append({"facts": one, "checkpoint": note(len(leaves), root_of(leaves), broker, origin=origin)})
    return found


def log(found: Sequence[Any], *countersigned: str, agreement: Mapping[str, Any] | None = None) -> dict[str, Any]:
    return {
        "counterfoil": "audit log",
        "version": 1,
        "agreement": agreement or agreed(),
        "entries": list(found),
        "countersigned": list(countersigned),
    }


def at(size: int, *signers: Keys, of: Sequence[Facts] | None = None) -> str:
    """The checkpoint of the first ``size`` entries with these signatures."""
    return note(size, root_of([plain_json(one) for one in (of or told())[:size]]), *signers)


def log_cases() -> Iterator[Case]:
    yield from _kept()
    yield from _changed_by_others()
    yield from _forged_by_the_broker()
    yield from _not_allowed()
    yield from _with_control_rows()


def _kept() -> Iterator[Case]:
    good, size = entries(told()), len(told())
    notes = (at(7, BROKER, COUNCIL), at(size, BROKER, party("icb-lead")))
    for name, about, logs, kept, expected in (
        ("whole", "A log from the agreement to destruction.", [log(good)], [], {"entries": size, "countersigned": {}}),
        (
            "countersigned",
            "A log that two parties have countersigned at different times.",
            [log(good, *notes)],
            [],
            {"entries": size, "countersigned": {"council": 7, "icb-lead": size}},
        ),
        (
            "continues",
            "A log that continues a checkpoint which was kept before.",
            [log(good)],
            [at(7, BROKER, COUNCIL)],
            {"entries": size, "countersigned": {}},
        ),
        ("just-begun", "A log with one entry.", [log(good[:1])], [], {"entries": 1, "countersigned": {}}),
        (
            "two-copies",
            "Two copies, one of which is shorter: no fork.",
            [log(good[:9]), log(good)],
            [],
            {"entries": 9, "countersigned": {}},
        ),
    ):
        yield _LOG.accept(name, about, {"logs": logs, "kept": kept}, expected)


def _changed_by_others() -> Iterator[Case]:
    """Somebody without the broker's key has changed the file."""
    good = entries(told())
    edited = {**good[5], "facts": {**good[5]["facts"], "by": "council"}}
    forged = entries(told(), broker=party(STRANGER))
    notes = (at(17, BROKER, party(STRANGER)), at(17, BROKER, BROKER), at(17, BROKER) + line("another text", COUNCIL))
    for name, about, logs, kept in (
        ("entry-edited", "A fact of entry 6 was changed.", [log([*good[:5], edited, *good[6:]])], []),
        ("entry-deleted", "Entry 8, a refusal, was taken out.", [log([*good[:7], *good[8:]])], []),
        (
            "entries-reordered",
            "Entries 13 and 14 in each other's place.",
            [log([*good[:12], good[13], good[12], *good[14:]])],
            [],
        ),
        (
            "entry-put-in",
            "An entry of a broker that is not the agreement's was put in.",
            [log([*good[:12], forged[12], *good[13:]])],
            [],
        ),
        ("tail-cut-off", "The log ends before a checkpoint that was kept.", [log(good[:9])], [at(17, BROKER, COUNCIL)]),
        ("another-broker", "A whole log signed by another broker.", [log(forged)], []),
        (
            "agreement-not-signed",
            "A log of an agreement that one party has not signed.",
            [log(good, agreement=agreed(signers=("council", "icb", "council-lead", "icb-lead", "broker")))],
            [],
        ),
        (
            "another-agreement",
            "A good log beside another agreement of the same parties.",
            [log(good, agreement=agreed({**TERMS, "title": "Another"}))],
            [],
        ),
        (
            "countersigned-by-a-stranger",
            "A checkpoint is countersigned by somebody who is not a party.",
            [log(good, notes[0])],
            [],
        ),
        ("countersignature-forged", "A countersignature that is of another text.", [log(good, notes[2])], []),
    ):
        yield _LOG.reject(name, about, {"logs": logs, "kept": kept})


def _forged_by_the_broker() -> Iterator[Case]:
    """The broker itself has written another log: every signature in it is right."""
    good = entries(told())
    other = [*told()[:7], _fact(7, "run changed", run=_FIRST_RUN, state="failed")]
    forked = entries(other)
    for name, about, logs, kept in (
        ("forked", "Two logs that are each in order and differ from entry 8 on.", [log(good), log(forked)], []),
        ("rewritten", "A log that contradicts a checkpoint which was kept.", [log(forked)], [at(8, BROKER, COUNCIL)]),
        (
            "countersigned-another",
            "A countersigned checkpoint that is of another log.",
            [log(forked, at(8, BROKER, COUNCIL))],
            [],
        ),
        (
            "name-of-another-log",
            "Checkpoints under the name of another log.",
            [log(entries(told(), origin="counterfoil/log"))],
            [],
        ),
    ):
        yield _LOG.reject(name, about, {"logs": logs, "kept": kept})


def _not_allowed() -> Iterator[Case]:
    """Signed by the broker, and against the protocol."""
    begun, matched = told()[:5], told()[:7]
    twice = [*told()[:13], _decided(12, "icb", _RUN)]
    dead = {**told()[9], "at": "2026-06-05T12:00:00.000000+00:00"}
    for name, about, facts in (
        (
            "event-of-another-agreement",
            "An event of another agreement.",
            [*begun, {**told()[5], "agreement": "ab" * 32}],
        ),
        (
            "second-upload-unsaid",
            "A second upload that does not say that it replaces one.",
            [*begun, {**told()[9], "event": "upload accepted"}],
        ),
        (
            "run-on-another-upload",
            "A run on an upload that nobody sent.",
            [*begun, {**told()[5], "uploads": {**_UPLOADS, "icb": "00" * 16}}],
        ),
        (
            "two-runs-at-once",
            "A second run while the first is under way.",
            [*matched, _fact(7, "run started", run=_RUN, by="icb", uploads=_UPLOADS)],
        ),
        (
            "released-by-one",
            "A release that one holder's IG lead alone has approved.",
            [*told()[:13], _fact(12, "run changed", run=_RUN, state="approved")],
        ),
        (
            "released-against-refusal",
            "A release after an IG lead had refused it.",
            [*told()[:8], _decided(8, "icb", _FIRST_RUN), _decided(8, "council", _FIRST_RUN)],
        ),
        ("approved-twice-for-one-holder", "One holder's approval counted twice.", twice),
        (
            "approved-by-a-holder",
            "An approval that the holder has signed and not its IG lead.",
            [*told()[:12], {**_decided(11, "icb", _RUN, signer="icb"), "by": "icb"}],
        ),
        (
            "approval-of-another-run",
            "An approval of another run.",
            [*told()[:12], {**_decided(11, "icb", _FIRST_RUN), "run": _RUN}],
        ),
        ("upload-after-destruction", "An upload after the data were destroyed.", [*told(), dead]),
        (
            "destroyed-by-another",
            "A destruction receipt that the broker has not signed.",
            [*begun, _fact(5, "data destroyed", receipt=ICB.declare("destruction receipt", {"agreement": ID}))],
        ),
    ):
        yield _LOG.reject(name, about, {"logs": [log(entries(facts))], "kept": []})


_CONTROLLED: Facts = {**TERMS, "control": {"rows": 2}}
_CONTROLLED_ID = agreement_id(_CONTROLLED, PARTIES)
_BOUND = {name: drawn(f"control rows of {name}", 32).hex() for name in ("council", "icb")}
_TREE, _OTHER_TREE = drawn("tree of links", 32).hex(), drawn("another tree of links", 32).hex()


def _opened(minute: int, holder: str, *, links: str = _TREE, signer: str | None = None) -> Facts:
    body = {"agreement": _CONTROLLED_ID, "run": _RUN, "control_rows": _BOUND[holder], "links": links}
    statement = party(signer or holder).declare("control rows opening", body)
    return _fact(minute, "control rows opened", run=_RUN, by=holder, statement=statement)


def _controlled() -> tuple[Facts, ...]:
    """A run of an agreement with control rows, up to an approval."""
    uploads = [
        _fact(minute, "upload accepted", holder=name, upload=_UPLOADS[name], content_digest=_digest(name))
        for minute, name in ((3, "council"), (4, "icb"))
    ]
    approval = party("icb-lead").declare("approval", {"agreement": _CONTROLLED_ID, "run": _RUN})
    return (
        _fact(0, "agreement received", by="council"),
        *({**one, "control_rows": _BOUND[one["holder"]]} for one in uploads),
        _fact(5, "run started", run=_RUN, by="icb", uploads=_UPLOADS),
        {**_fact(6, "run changed", run=_RUN, state="matched"), "links": _TREE},
        _opened(7, "icb"),
        _opened(8, "council"),
        _fact(9, "release approved", run=_RUN, by="icb-lead", statement=approval),
    )


def _with_control_rows() -> Iterator[Case]:
    good = _controlled()
    unbound = {name: value for name, value in good[1].items() if name != "control_rows"}
    free = {name: value for name, value in good[4].items() if name != "links"}
    begun = good[:5]
    yield _LOG.accept(
        "control-rows",
        "Both holders open their control rows, then one IG lead approves.",
        {"logs": [_controlled_log(good)], "kept": []},
        {"entries": len(good), "countersigned": {}},
    )
    for name, about, facts in (
        ("control-rows-not-bound", "An upload without the commitment of its control rows.", [good[0], unbound]),
        ("links-not-committed", "Decided links without their commitment.", [*good[:4], free]),
        (
            "opened-before-links",
            "Control rows are opened before the links are decided.",
            [*good[:4], _opened(6, "icb")],
        ),
        (
            "opened-for-other-links",
            "A holder has seen another commitment of the links.",
            [*begun, _opened(7, "icb", links=_OTHER_TREE)],
        ),
        ("opened-by-another", "Control rows opened by another holder.", [*begun, _opened(7, "icb", signer="council")]),
        ("opened-twice", "A holder opens twice.", [*begun, _opened(7, "icb"), _opened(8, "icb")]),
        ("approved-before-opened", "An approval before both holders have opened.", [*good[:6], good[7]]),
    ):
        yield _LOG.reject(name, about, {"logs": [_controlled_log(facts)], "kept": []})
    bound = {**told()[3], "control_rows": _BOUND["council"]}
    about = "An upload with control rows, of which the agreement has none."
    yield _LOG.reject("control-rows-not-agreed", about, {"logs": [log(entries([*told()[:3], bound]))], "kept": []})


def _controlled_log(facts: Iterable[Facts]) -> dict[str, Any]:
    of_agreement = [{**one, "agreement": _CONTROLLED_ID} for one in facts]
    origin = f"counterfoil/agreement/{_CONTROLLED_ID}"
    return log(entries(of_agreement, origin=origin), agreement=agreed(_CONTROLLED))


def cases() -> Iterator[Case]:
    yield from checkpoint_cases()
    yield from log_cases()
