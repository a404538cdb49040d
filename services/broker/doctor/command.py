"""``counterfoil-broker doctor``: what is wrong with a deployment, and what to do."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Annotated, Any

import typer
from pydantic import ValidationError

from services.broker.cli import Home, PassphraseFile
from services.broker.doctor.finding import Finding, wrong
from services.broker.settings import Settings


def doctor(
    home: Home,
    passphrase_file: PassphraseFile = None,
    url: Annotated[
        str | None, typer.Option(help="Also look at the door: the address that parties use, https://broker.example.")
    ] = None,
    json_: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Check a deployment: settings, home, identity, database, workers, storage, limits, packages, TLS and, with --url,
    the door. Run it as the broker's user, with the broker's environment, beside a running broker or before its first
    start.

    Exit code 1 if something is wrong, with what to do; what is only to be looked at does not count. Nobody is asked for
    a passphrase, and nothing is changed but one file in the storage, which is removed.

    Example: counterfoil-broker doctor --home broker --passphrase-file broker.passphrase --url https://broker.example
    """
    findings = list(_findings(home=home, passphrase_file=passphrase_file, url=url))
    blocking = sum(one.blocks for one in findings)
    looks = sum(bool(one.remedy) for one in findings) - blocking
    if json_:
        listed = [asdict(one) for one in findings]
        sys.stdout.write(json.dumps({"well": not blocking, "findings": listed}) + "\n")
    else:
        for one in findings:
            sys.stdout.write(f"{one.mark:<6}{one.name:<16}{one.found}\n")
            if one.remedy:
                sys.stdout.write(f"{'':<6}{one.remedy}\n")
        sys.stdout.write(f"{blocking} wrong, {looks} to look at\n")
    if blocking:
        raise typer.Exit(1)


def _findings(*, home: Any, passphrase_file: Any, url: str | None) -> Iterator[Finding]:
    # These take a second to import, and only this command needs them.
    from services.broker.doctor.database import look_at_database
    from services.broker.doctor.door import look_at_door, look_at_own_tls
    from services.broker.doctor.home import look_at_home, match_agreements, open_identity
    from services.broker.doctor.machine import look_at_limits, look_at_packages, look_at_storage

    yield from look_at_packages()
    try:
        settings = Settings(home=home)
    except ValidationError as error:
        for fault in error.errors(include_input=False, include_url=False, include_context=False):
            name = f"COUNTERFOIL_BROKER_{'_'.join(map(str, fault['loc'])).upper()}"
            yield wrong("settings", f"{name}: {fault['msg']}", "Correct it in the environment.")
        return
    yield Finding("settings", "they can be read")
    yield from look_at_home(settings)
    identity, findings = open_identity(settings, passphrase_file)
    yield from findings
    yield from look_at_storage(settings)
    yield from look_at_limits(settings)
    standing: list[Any] = []
    yield from look_at_database(settings, standing, now=lambda: datetime.now(UTC), sleep=time.sleep)
    yield from match_agreements(settings, identity, standing)
    yield from look_at_own_tls(settings)
    if url is not None:
        yield from look_at_door(url, now=datetime.now(UTC))
