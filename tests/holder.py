"""A holder's folder that is ready to encode, and files of made-up children, without a broker."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from keys.agreement import Agreement
from keys.kinds import Sealed
from tests.doors import drawn, folder, identity, secret_of, signed, small_terms

PASSPHRASE = "correct horse battery staple"
FOR_EVER = "9000-01-01T00:00:00+00:00"
FIELDS = ("forename", "surname", "sex", "date_of_birth", "postcode", "nhs_number", "upn")


def agreement_for_ever(**changes: Any) -> Agreement:
    return signed(small_terms(**{"expires": FOR_EVER, **changes}))


def make_home(root: Path, agreement: Agreement, *, holder: str = "council") -> Path:
    """The folder, with a file ``passphrase`` and a columns file whose headers are our own words."""
    workspace = folder(root, agreement)
    workspace.identity.write_bytes(identity(holder).lock(PASSPHRASE, random=drawn("lock")))
    secret = secret_of(agreement).key()
    workspace.keep(
        Sealed.LINKAGE_SECRET, secret, agreement=agreement.id, identity=identity(holder), random=drawn("keep")
    )
    (root / "passphrase").write_text(PASSPHRASE, encoding="utf-8")
    lines = (f'{name} = "{name}"\n' for name in ("id", *FIELDS))
    (root / "columns.toml").write_text("".join(lines), encoding="utf-8")
    return root


def write_rows(path: Path, rows: Sequence[Mapping[str, str]]) -> Path:
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return path


def content(*roots: Path) -> Mapping[str, bytes]:
    """Every file and link below, by its path."""
    paths = (path for root in roots for path in root.rglob("*") if path.is_file() or path.is_symlink())
    return {
        str(path): path.readlink().__fspath__().encode() if path.is_symlink() else path.read_bytes() for path in paths
    }
