"""All of ``counterfoil encode``, as an analyst runs it: made-up children in a CSV file become a sealed upload.

The agreement is the default one between two holders that have every identifier, so that all its match-keys are made.
"""

import json
import resource
import secrets
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks.apart import apart
from encoder.ahead import cores
from encoder.workspace import Workspace
from keys.kinds import Declared, Sealed
from keys.receiving import ReceivingKey
from keys.statement import declare
from keys.template import default_terms
from keys.terms import Identifier
from services.rehearsal.demo_files import DemoFiles, write_demo
from services.rehearsal.party import agree, gather, write_identity

_COUNTERFOIL = (sys.executable, "-c", "from encoder.cli import main; main()")


def whole(rows: int, *, workers: int | None = None) -> dict[str, Any]:
    """Seconds, memory and bytes of the command for so many rows, from its start to its end, reading included."""
    workers = workers or cores()
    with TemporaryDirectory() as folder:
        files, _ = apart(_write_files, Path(folder), rows)
        home = Path(folder) / "council"
        passphrase = _settle(home)
        found, peak = apart(_encode, files, home, passphrase, workers)
        return {
            "rows": found["rows"],
            "workers": workers,
            "seconds": round(found["seconds"], 1),
            "cpu_seconds": round(found["cpu_seconds"], 1),
            "rows_per_s": round(found["rows"] / found["seconds"]),
            "peak_mib": round(peak),
            "file_bytes": files.council.stat().st_size,
            "upload_bytes": found["bytes"],
            "match_keys": found["match_keys"],
        }


def _write_files(folder: Path, rows: int) -> DemoFiles:
    return write_demo(folder, seed=3, council_rows=rows, icb_rows=100)


def _settle(home: Path) -> Path:
    """The folder of a holder that has its agreement and its secret; where the passphrase is."""
    cast = gather(["council", "icb"])
    agreement = agree(default_terms({name: [*Identifier] for name in cast.holders}, minimum_rows=1), cast)
    workspace, identity = Workspace(home), cast.holders["council"]
    passphrase = home / "passphrase"
    passphrase.write_text(write_identity(workspace, identity), encoding="utf-8")
    address = ReceivingKey.generate(secrets.token_bytes).address
    body = {"agreement": agreement.id, "receiving": address.to_json()}
    workspace.save_agreement(agreement, declare(cast.broker, Declared.RECEIVING_KEY, body).to_json())
    secret = secrets.token_bytes(32)
    workspace.keep(Sealed.LINKAGE_SECRET, secret, agreement=agreement.id, identity=identity, random=secrets.token_bytes)
    return passphrase


def _encode(files: DemoFiles, home: Path, passphrase: Path, workers: int) -> dict[str, Any]:
    """What the command says of its upload, with the seconds it took."""
    options = {"columns": files.council_columns, "folder": home, "passphrase-file": passphrase, "workers": workers}
    named = [text for name, value in options.items() for text in (f"--{name}", str(value))]
    started = time.perf_counter()
    command = [*_COUNTERFOIL, "encode", str(files.council), *named, "--yes", "--json"]
    run = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=True)
    seconds = time.perf_counter() - started
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    facts: dict[str, Any] = json.loads(run.stdout)
    return {**facts, "seconds": seconds, "cpu_seconds": used.ru_utime + used.ru_stime}
