"""One holder of a rehearsal: its file, its columns, its folder, and its steps through the encoder's doors."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from encoder import ceremony, opening
from encoder.agreed import headers_of, identifiers_of, restrict
from encoder.attributes import plan_attributes, write_attributes
from encoder.beside import Beside
from encoder.columns import Columns, load_columns
from encoder.door import Door
from encoder.normalise import Normalised, normalise
from encoder.opening import Checked
from encoder.package import Packed, pack
from encoder.patience import Patience
from encoder.read import Batch, read_rows
from encoder.results import Results, open_release, write_results
from encoder.trait_columns import make_traits, told_by
from encoder.upload import upload
from encoder.workspace import Workspace, own_party
from keys.agreement import Role
from keys.identity import Identity
from keys.terms import Normalisation, Terms

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class HolderFiles:
    """What a person gives: a name, a CSV file, its columns file, and a second file if that names one."""

    name: str
    file: Path
    columns_file: Path
    beside: Beside | None = None

    def load_columns(self) -> Columns:
        return load_columns(self.columns_file)

    def read(self, columns: Columns, *, progress: Progress | None = None) -> Iterator[Batch]:
        """The rows with these of its columns. Raises as ``read_rows`` does."""
        second = self.beside
        if self.load_columns().other is not None and columns.other is None:
            second = None  # nothing of it is asked for
        return read_rows(self.file, columns, beside=second, progress=progress)


@dataclass(repr=False)
class Holder:
    """A holder at work. ``columns`` names all its columns; only those of the agreement are read."""

    files: HolderFiles
    columns: Columns
    identity: Identity
    workspace: Workspace

    def read(self, terms: Terms, *, today: date, progress: Progress | None = None) -> Normalised:
        columns = restrict(self.columns, terms.holder(self.files.name), self.files.columns_file)
        rows = self.files.read(columns, progress=progress)
        return normalise(rows, columns, rules=terms.normalisation, today=today)

    def contribute(self, door: Door) -> None:
        self._take_part(ceremony.contribute, door)

    def receive(self, door: Door) -> None:
        self._take_part(ceremony.receive, door)

    def _take_part(self, step: Callable[..., object], door: Door) -> None:
        agreement, _ = self.workspace.load_agreement()
        step(
            self.workspace,
            door,
            agreement=agreement,
            identity=self.identity,
            now=datetime.now(UTC),
            random=secrets.token_bytes,
        )

    def encode(self, normalised: Normalised, *, progress: Progress | None = None) -> Packed:
        agreement, receiving = self.workspace.load_agreement()
        return pack(
            normalised,
            workspace=self.workspace,
            agreement=agreement,
            holder=own_party(agreement, self.identity, Role.HOLDER),
            identity=self.identity,
            secret=ceremony.recall_secret(self.workspace, agreement=agreement, identity=self.identity),
            receiving=receiving,
            now=datetime.now(UTC),
            random=secrets.token_bytes,
            progress=progress,
        )

    def upload(self, door: Door, *, progress: Progress | None = None) -> Mapping[str, Any]:
        agreement, _ = self.workspace.load_agreement()
        return upload(
            self.workspace,
            door,
            agreement=agreement,
            identity=self.identity,
            patience=Patience(time.sleep, lambda line: None),
            progress=progress,
        )

    def open_controls(self, door: Door, run: str) -> None:
        agreement, _ = self.workspace.load_agreement()
        opening.open_rows(self.workspace, door, run, agreement=agreement, identity=self.identity)

    def check_controls(self, door: Door, run: str) -> Checked:
        """Once every holder has opened."""
        agreement, _ = self.workspace.load_agreement()
        patience = Patience(time.sleep, lambda line: None)
        shown = opening.until_shown(door, run, patience=patience, tell=lambda names: None)
        return opening.check(self.workspace, door, run, shown, agreement=agreement, identity=self.identity)

    def fetch_results(self, door: Door, run: str) -> Results:
        agreement, _ = self.workspace.load_agreement()
        sealed = door.get_bytes(f"/v1/runs/{run}/release")
        results = open_release(sealed, workspace=self.workspace, agreement=agreement, identity=self.identity)
        write_results(self.workspace.results, results, replace=True)
        return results

    def hand_over(self, results: Results, out: Path, *, rules: Normalisation, today: date) -> int:
        """Write the attribute file for the recipient, with every trait that the identifiers tell of."""
        choices = told_by(identifiers_of(self.columns))
        plan = plan_attributes(
            self.files.file,
            row_id=self.columns.id or "",
            identifiers=headers_of(self.columns),
            traits=make_traits(self.files.file, self.columns, choices, rules=rules, today=today),
        )
        return write_attributes(plan, out, results=results).rows
