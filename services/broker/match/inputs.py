"""The encodings of runs in the broker's memory: opened when a task needs them, let go for others or with the run."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from threading import RLock
from typing import Any

import numpy as np
from numpy.typing import NDArray

from keys.agreement import Agreement
from matcher.encodings import Encodings
from services.broker.errors import Conflict
from services.broker.office import Office
from services.broker.runs.plan import Task, plan
from services.broker.store import runs, uploads
from services.broker.uploads.incoming import upload_name
from services.broker.uploads.receive import read_columns


@dataclass(frozen=True, repr=False)
class Inputs:
    """The uploads that a run took when it started, in the order of the terms; ``rows`` by holder."""

    office: Office
    run: str
    agreement: Agreement
    rows: Sequence[int]
    uploads: Sequence[str]
    task_pairs: int
    shelf: Shelf

    def plan(self) -> list[Task]:
        """The tasks of the run, cut as they were when it started."""
        return plan(self.agreement, self.rows, self.task_pairs)

    def encodings(self, holder: int, key: str) -> Encodings:
        """A holder's encodings under one match-key; from the shelf if they are there."""
        return self.shelf.take(self, holder, key)

    def handles(self, holder: int) -> NDArray[np.uint8]:
        """The handles of a holder's rows: uint8 (rows, 16)."""
        return np.ascontiguousarray(self.read(holder, ["handle"])["handle"])

    def names(self, holder: int) -> list[str]:
        """The match-keys of a holder."""
        return [key.name for key in self.agreement.terms.keys_of(self.agreement.terms.holders[holder].name)]

    def read(self, holder: int, fields: Sequence[str]) -> Mapping[str, NDArray[Any]]:
        """Some fields of a holder's records. Raises ``NotFound`` once the agreement's data are destroyed, ``Conflict``
        if the upload was replaced and is not there any more."""
        key, party = self.office.receiving_key(self.agreement.id), self.agreement.holders()[holder]
        try:
            stream = self.office.storage.open(upload_name(self.agreement.id, self.uploads[holder]))
        except FileNotFoundError:
            raise Conflict(
                f"The upload of {party.name} is not there any more.",
                remedy="It was replaced before the run ended, or before the broker was restored: encode again, upload, "
                "then start another run.",
            ) from None
        with stream:
            return read_columns(stream, agreement=self.agreement, holder=party, key=key, fields=fields)


def open_inputs(office: Office, run: str, shelf: Shelf | None = None) -> Inputs:
    """Raises ``LookupError`` for a run that is not there, ``NotFound`` for an agreement."""
    with office.store.transaction("read inputs of run") as connection:
        row = runs.get(connection, run)
        if row is None:
            raise LookupError(run)
        rows = uploads.rows_of(connection, row["uploads"])
    agreement = office.agreement(row["agreement"])
    names = [holder.name for holder in agreement.terms.holders]
    ids = [row["uploads"][name] for name in names]
    return Inputs(
        office=office,
        run=run,
        agreement=agreement,
        rows=[rows[name] for name in names],
        uploads=ids,
        task_pairs=row["task_pairs"],
        shelf=shelf or Shelf(0),
    )


@dataclass
class Shelf:
    """Encodings that were opened lately: at most ``capacity`` bytes, but always the two that are being compared.

    A holder's upload is read as a whole if half of the shelf holds it, else one match-key at a time.
    """

    capacity: int
    _held: OrderedDict[tuple[str, int, str], Encodings] = field(default_factory=OrderedDict, repr=False)
    _lock: RLock = field(default_factory=RLock, repr=False)

    def take(self, inputs: Inputs, holder: int, key: str) -> Encodings:
        wanted = (inputs.run, holder, key)
        with self._lock:
            if wanted not in self._held:
                self._fetch(inputs, holder, key)
            self._held.move_to_end(wanted)
            taken = self._held[wanted]
            while self.bytes > self.capacity and len(self._held) > 2:
                self._held.popitem(last=False)
            return taken

    def make_room(self, bytes_: int) -> None:
        """Let go of what was used longest ago until so much of the capacity is free, or nothing is left."""
        with self._lock:
            while self._held and self.bytes > self.capacity - bytes_:
                self._held.popitem(last=False)

    def keep_only(self, wanted: Collection[str]) -> None:
        """Let go of what belongs to any run but these."""
        with self._lock:
            for one in [one for one in self._held if one[0] not in wanted]:
                del self._held[one]

    @property
    def bytes(self) -> int:
        return sum(one.bits.nbytes for one in self._held.values())

    def _fetch(self, inputs: Inputs, holder: int, key: str) -> None:
        size = inputs.office.storage.size(upload_name(inputs.agreement.id, inputs.uploads[holder]))
        names = inputs.names(holder) if size <= self.capacity // 2 else [key]
        columns = inputs.read(holder, [field for name in names for field in (name, f"present/{name}")])
        for name in names:
            one = Encodings.from_bytes(np.ascontiguousarray(columns[name]), columns[f"present/{name}"] == 1)
            self._held[inputs.run, holder, name] = one
