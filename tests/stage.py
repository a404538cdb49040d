"""A small stage for whole linkages: made-up children, the parties with their folders, requests signed by hand."""

from __future__ import annotations

import csv
import io
import re
import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from pathlib import Path
from random import Random
from typing import Any

import httpx
import numpy as np
from numpy.typing import NDArray

from encoder import opening
from encoder.ceremony import recall_secret
from encoder.conformance import conformance_digest
from encoder.door import Door
from encoder.join import RunKey, link_keys, open_run_key
from encoder.package import recall_handles
from encoder.patience import Patience
from encoder.results import Results
from encoder.workspace import Workspace
from keys.agreement import Agreement
from keys.canonical import canonical
from keys.derive import key_check
from keys.envelope import seal_bytes
from keys.identity import Identity
from keys.kinds import Declared, Sealed
from keys.layout import handle_order, upload_record
from keys.request import Message, content_digest, sign_request
from keys.statement import declare
from keys.template import default_terms, template_text
from keys.terms import Release, Terms
from services.rehearsal.holder import Holder, HolderFiles
from services.rehearsal.party import Cast, agree, gather
from tests.broker import Broker
from tests.parts import put_whole
from tests.seen import events

TODAY = date(2026, 1, 1)
IDENTIFIERS = ("forename", "surname", "sex", "date_of_birth", "postcode", "nhs_number")
_SYLLABLES = ("bar", "col", "den", "fen", "gar", "hol", "kim", "lor", "mas", "nor", "pel", "ros", "tam", "vin", "wes")

Row = Mapping[str, str]


def nhs_number(body: int) -> str:
    """A valid NHS number of the range that is never issued: 9, eight digits of ``body``, check digit."""
    for eight in range(body, body + 20):
        digits = f"9{eight % 10**8:08d}"
        check = 11 - sum(int(digit) * weight for digit, weight in zip(digits, range(10, 1, -1), strict=True)) % 11
        if check != 10:
            return digits + str(check % 11)
    raise AssertionError("twenty numbers in a row without a check digit")


def children(count: int, *, seed: int) -> list[dict[str, str]]:
    """Made-up children with every identifier, the same for the same seed."""
    random = Random(seed)

    def word(syllables: int) -> str:
        return "".join(random.choice(_SYLLABLES) for _ in range(syllables)).capitalize()

    return [
        {
            "id": f"{seed}-{number}",
            "forename": word(2),
            "surname": word(3),
            "sex": random.choice("MF"),
            "date_of_birth": date(
                2005 + random.randrange(15), 1 + random.randrange(12), 13 + random.randrange(15)
            ).strftime("%d/%m/%Y"),
            "postcode": f"{random.choice('BLMS')}{random.randrange(1, 30)} {random.randrange(1, 9)}"
            f"{random.choice('ABDEFGHJ')}{random.choice('ABDEFGHJ')}",
            "nhs_number": nhs_number(seed * 1_000_000 + number * 20),
        }
        for number in range(count)
    ]


def csv_text(rows: Sequence[Row]) -> str:
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def write_file(folder: Path, name: str, rows: Sequence[Row], fields: Sequence[str] = IDENTIFIERS) -> HolderFiles:
    """A holder's CSV file, whose headers are our own words, and its columns file."""
    folder.mkdir(parents=True, exist_ok=True)
    file, columns = folder / f"{name}.csv", folder / f"{name}.toml"
    file.write_text(csv_text(rows), encoding="utf-8")
    columns.write_text("".join(f'{one} = "{one}"\n' for one in ("id", *fields)), encoding="utf-8")
    return HolderFiles(name, file, columns)


def agreement_text(holders: Mapping[str, Sequence[str]], **choices: str) -> str:
    """The template as people would fill it in: these holders (name -> identifiers), other choices by their name, and
    no match-key for which a holder lacks a field."""
    head, middle = re.split(r"^\[\[holders\]\]$", template_text(), maxsplit=1, flags=re.MULTILINE)
    middle, *keys = re.split(r"^\[\[match_keys\]\]$", middle[middle.index("[encoding]") :], flags=re.MULTILINE)
    blocks = [f'[[holders]]\nname = "{name}"\nidentifiers = {list(have)}\n' for name, have in holders.items()]
    absent = {name for name in (*IDENTIFIERS, "upn") if any(name not in have for have in holders.values())}
    kept = [f"[[match_keys]]{key}" for key in keys if not any(f'"{name}"' in key for name in absent)]
    text = "\n".join([head, *blocks, middle, *kept])
    for name, value in choices.items():
        text, found = re.subn(rf"^{name} = .*$", f"{name} = {value}", text, flags=re.MULTILINE)
        assert found == 1
    return text


@dataclass(repr=False)
class Scene:
    """One agreement of some holders at one broker, and every party's side of it."""

    broker: Broker
    cast: Cast
    agreement: Agreement
    root: Path
    _doors: list[Door] = field(default_factory=list)

    @classmethod
    def of(cls, broker: Broker, root: Path, *names: str, **changes: Any) -> Scene:
        """Holders with every identifier but the UPN; ``changes`` as ``default_terms`` takes them."""
        names = names or ("north", "south")
        terms = default_terms(dict.fromkeys(names, IDENTIFIERS), **{"minimum_rows": 1, **changes})
        return cls.under(terms, broker, root)

    @classmethod
    def under(cls, terms: Terms, broker: Broker, root: Path) -> Scene:
        cast = replace(gather([holder.name for holder in terms.holders]), broker=broker.identity)
        return cls(broker, cast, agree(terms, cast), root)

    @property
    def path(self) -> str:
        return f"/v1/agreements/{self.agreement.id}"

    def door(self, identity: Identity) -> Door:
        door = Door(
            self.broker.url,
            identity=identity,
            broker=self.broker.identity.card.fingerprint,
            now=lambda: datetime.now(UTC),
            random=secrets.token_bytes,
        )
        self._doors.append(door)
        return door

    def door_of(self, name: str) -> Door:
        return self.door(self.cast.holders[name])

    def close(self) -> None:
        while self._doors:
            self._doors.pop().close()

    def holder(self, name: str, rows: Sequence[Row] = ()) -> Holder:
        """The holder at work in its folder, with a file of these rows."""
        files = write_file(self.root / "files", name, rows or children(1, seed=0))
        return Holder(files, files.load_columns(), self.cast.holders[name], Workspace(self.root / name))

    def open(self) -> None:
        """Put the agreement in force and make the secret."""
        self.door_of(self.agreement.holders()[0].name).post("/v1/agreements", self.agreement.to_json())
        holders = [self.holder(party.name) for party in self.agreement.holders()]
        for holder in holders:
            holder.workspace.root.mkdir(parents=True, exist_ok=True)
            answer = self.door(holder.identity).get(self.path)
            holder.workspace.save_agreement(Agreement.from_json(answer["agreement"]), answer["receiving"])
            holder.contribute(self.door(holder.identity))
        for holder in holders:
            holder.receive(self.door(holder.identity))

    def encode(self, name: str, rows: Sequence[Row]) -> Path:
        """The holder's sealed upload of these rows."""
        holder = self.holder(name, rows)
        cohort = holder.read(self.agreement.terms, today=TODAY)
        return holder.encode(cohort).path

    def upload(self, name: str, rows: Sequence[Row]) -> Mapping[str, Any]:
        self.encode(name, rows)
        return self.holder(name, rows).upload(self.door_of(name))

    def sealed(self, name: str, **changes: Any) -> bytes:
        """An upload made by hand: see ``sealed_upload``."""
        return sealed_upload(self, name, **changes)

    def start_run(self) -> str:
        run: str = self.door_of(self.agreement.holders()[0].name).post(f"{self.path}/runs", {})["run"]
        return run

    def put(self, name: str, sealed: bytes) -> httpx.Response:
        """Send an upload as this holder: the first answer that is no success, or the last."""
        return put_whole(self, self.cast.holders[name], sealed)

    def events(self) -> list[dict[str, Any]]:
        """This agreement's lines of the broker's log; fails if any line of the whole log is missing."""
        found = events(self.broker)
        return [event for event in found if event["agreement"] == self.agreement.id]

    def status(self, run: str, *states: str) -> dict[str, Any]:
        """The run's status as IG leads see it, once it is in one of ``states`` if any are given."""
        door = self.door(next(iter(self.cast.ig_leads.values())))
        for _ in range(4800):
            status: dict[str, Any] = door.get(f"/v1/runs/{run}")
            if not states or status["state"] in states:
                return status
            time.sleep(0.05)
        raise AssertionError(f"the run stays {status['state']}: {status['problem']}")

    def approval(self, name: str, run: str) -> dict[str, Any]:
        body = {"agreement": self.agreement.id, "run": run}
        return declare(self.cast.ig_leads[name], "approval", body).to_json()

    def approve(self, name: str, run: str) -> dict[str, Any]:
        answer: dict[str, Any] = self.door(self.cast.ig_leads[name]).post(
            f"/v1/runs/{run}/approvals", self.approval(name, run)
        )
        return answer

    def refuse(self, name: str, run: str) -> dict[str, Any]:
        lead = self.cast.ig_leads[name]
        statement = declare(lead, Declared.REFUSAL, {"agreement": self.agreement.id, "run": run})
        answer: dict[str, Any] = self.door(lead).post(f"/v1/runs/{run}/refusals", statement.to_json())
        return answer

    def release(self, run: str) -> None:
        """Approved by the first two holders' IG leads and released."""
        for name in list(self.cast.ig_leads)[:2]:
            self.approve(name, run)
        self.status(run, "released")

    def open_controls(self, *names: str, run: str) -> None:
        """These holders open their control rows, or all."""
        for name in names or [party.name for party in self.agreement.holders()]:
            identity = self.cast.holders[name]
            workspace = self.holder(name).workspace
            opening.open_rows(workspace, self.door(identity), run, agreement=self.agreement, identity=identity)

    def shown_controls(self, name: str, run: str) -> Any:
        """What the broker shows this holder of all control rows, once all are opened."""
        patience = Patience(lambda seconds: time.sleep(0.05), lambda line: None)
        return opening.until_shown(self.door_of(name), run, patience=patience, tell=lambda names: None)

    def check_controls(self, name: str, run: str, shown: Any = None) -> opening.Checked:
        identity = self.cast.holders[name]
        return opening.check(
            self.holder(name).workspace,
            self.door(identity),
            run,
            shown or self.shown_controls(name, run),
            agreement=self.agreement,
            identity=identity,
        )

    def results(self, name: str, run: str) -> Results:
        return self.holder(name).fetch_results(self.door_of(name), run)

    def run_key(self, run: str) -> RunKey:
        sealed = self.door(self.cast.recipient).get_bytes(f"/v1/runs/{run}/release")
        return open_run_key(sealed, agreement=self.agreement, identity=self.cast.recipient)

    def links(self, run: str) -> set[frozenset[tuple[str, str]]]:
        """What a released run linked, as sets of (holder, row id), through the recipient's key if it is blind."""
        run_key = self.run_key(run) if self.agreement.terms.release is Release.BLIND else None
        together: dict[str, set[tuple[str, str]]] = {}
        for party in self.agreement.holders():
            results = self.results(party.name, run)
            values = list(results.values)
            keys = link_keys(values, run_key=run_key, pseudonym_key=b"k" * 32) if run_key else values
            for key, row_id in zip(keys, results.row_ids, strict=True):
                together.setdefault(key, set()).add((party.name, row_id))
        return {frozenset(rows) for rows in together.values() if len(rows) > 1}

    def request(self, identity: Identity, method: str, path: str, body: bytes = b"", **changes: Any) -> httpx.Request:
        return signed_request(self.broker, identity, method, path, body, **changes)

    def ask(self, identity: Identity, method: str, path: str, body: bytes = b"", **changes: Any) -> httpx.Response:
        """Send one request, whatever the answer."""
        return send(self.request(identity, method, path, body, **changes))


MakeScene = Callable[..., Scene]
STATUS = {"run", "agreement", "state", "percent", "seconds_left", "approved_by", "outcome", "problem"}
STATUS |= {"control_rows", "started_at", "changed_at"}
OUTCOME = {"links", "possible_links", "left_out", "match_keys", "threshold"}
"""What a status holds, and the outcome in it if rows are given back."""


def contribution(scene: Scene, by: Identity, to: Identity) -> bytes:
    """Thirty-two random bytes sealed by one party to another, whoever they are."""
    return seal_bytes(
        secrets.token_bytes(32),
        kind=Sealed.CONTRIBUTION,
        agreement=scene.agreement.id,
        sender=by,
        receiver=to.card.receiving,
        random=secrets.token_bytes,
    )


def signed_request(
    broker: Broker,
    identity: Identity,
    method: str,
    path: str,
    body: bytes = b"",
    *,
    now: datetime | None = None,
    tag: str | None = None,
    prefer: str | None = None,
) -> httpx.Request:
    """A request by ``identity``; ``tag`` is the fingerprint of the broker that it is signed for."""
    message = Message(method, broker.url + path, {"Content-Digest": content_digest(body)})
    sign_request(
        message,
        identity=identity,
        broker=tag or broker.identity.card.fingerprint,
        now=now or datetime.now(UTC),
        random=secrets.token_bytes,
    )
    headers = dict(message.headers) | ({} if prefer is None else {"Prefer": prefer})
    return httpx.Request(method, message.url, headers=headers, content=body)


def send(request: httpx.Request) -> httpx.Response:
    with httpx.Client(trust_env=False, timeout=60) as http:
        return http.send(request)


def random_records(scene: Scene, name: str, rows: int, *, seed: int = 1) -> NDArray[np.void]:
    """Records of the agreement's form with random handles, ascending, and random encodings, all present."""
    rng = np.random.default_rng(seed)
    records = np.zeros(rows, dtype=upload_record(scene.agreement.terms, name))
    for column in records.dtype.names or ():
        part = records[column]
        part[...] = 1 if column.startswith("present/") else rng.integers(0, 256, part.shape, dtype=np.uint8)
    records["handle"] = records["handle"][handle_order(records["handle"])]
    return records


def sealed_upload(
    scene: Scene,
    name: str,
    *,
    rows: int = 3,
    records: NDArray[np.void] | None = None,
    manifest: Mapping[str, Any] | None = None,
    payload: bytes | None = None,
    **envelope: Any,
) -> bytes:
    """A sealed upload that is right but for what is given: records, entries of the manifest, or the envelope."""
    holder = scene.holder(name)
    agreement, receiving = holder.workspace.load_agreement()
    secret = recall_secret(holder.workspace, agreement=agreement, identity=holder.identity)
    content = random_records(scene, name, rows) if records is None else records
    document = canonical(
        {
            "holder": name,
            "rows": len(content),
            "match_keys": [key.name for key in agreement.terms.keys_of(name)],
            "key_check": key_check(secret),
            "conformance": conformance_digest(agreement.terms, secret),
            **(manifest or {}),
        }
    )
    whole = len(document).to_bytes(4, "big") + document + content.tobytes() if payload is None else payload
    options = {
        "kind": "upload",
        "agreement": agreement.id,
        "sender": holder.identity,
        "receiver": receiving,
        "random": secrets.token_bytes,
    }
    return seal_bytes(whole, **{**options, **envelope})


def handles_of(scene: Scene, name: str) -> NDArray[np.uint8]:
    """The handles of a holder's last upload, from the holder's own table."""
    holder = scene.holder(name)
    return recall_handles(holder.workspace, agreement=scene.agreement, identity=holder.identity)[0]
