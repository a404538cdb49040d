"""``counterfoil doctor``: what the tool finds on this machine, what is wrong with it, and what to do."""

from __future__ import annotations

import json
import locale
import platform
import secrets
import ssl
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit
from urllib.request import getproxies

import httpx
import typer

from encoder.cli.desk import HERE, Json
from encoder.cli.version import version_of
from encoder.network import broker_address, open_client, unreachable
from keys.errors import CounterfoilError
from keys.files import write_whole

OURS = ("keys", "encoder")
OTHERS = (
    "anyascii",
    "clkhash",
    "cryptography",
    "http_message_signatures",
    "httpx",
    "jinja2",
    "mnemonic",
    "numpy",
    "pyarrow",
    "pydantic",
    "rfc8785",
    "rich",
    "truststore",
    "typer",
)
PYTHONS = ((3, 11), (3, 14))
"""The oldest and the newest Python that the tool is made for."""
SKEW = 60.0
"""Seconds that this clock may be off: half of what a broker forgives."""


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at; wrong if there is a remedy."""

    name: str
    found: str
    remedy: str = ""


def doctor(
    broker: Annotated[
        str | None, typer.Option(help="Also try to reach this broker, and compare its clock with this one.")
    ] = None,
    folder: Annotated[Path, typer.Option(help="The folder to work in; tried by writing a file.")] = HERE,
    json_: Json = False,
) -> None:
    """Say what the tool finds on this machine: versions, where each package came from, network, folders.

    Reads no file of yours. Exit code 1 if something is wrong, with what to do. Without --broker, nothing is sent.
    The output names folders of this computer and proxies, but no user name or password of a proxy.

    Example: counterfoil doctor --broker https://broker.example
    """
    findings = [*_python(), *_packages(), *_console(), *_network(), *_folders(folder)]
    if broker is not None:
        findings += _broker(broker)
    wrong = [one for one in findings if one.remedy]
    if json_:
        sys.stdout.write(json.dumps({"well": not wrong, "findings": [asdict(one) for one in findings]}) + "\n")
    else:
        for one in findings:
            mark = "WRONG" if one.remedy else "ok"
            _say(f"{mark:<6}{one.name:<26}{one.found}")
            if one.remedy:
                _say(f"{'':<6}{one.remedy}")
        _say(f"{len(wrong)} wrong" if wrong else "Nothing wrong was found.")
    if wrong:
        raise typer.Exit(1)


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")


def _python() -> Iterator[Finding]:
    yield Finding("counterfoil", version_of("counterfoil"))
    oldest, newest = (f"{major}.{minor}" for major, minor in PYTHONS)
    fits = PYTHONS[0] <= sys.version_info[:2] <= PYTHONS[1]
    yield Finding(
        "Python",
        f"{platform.python_version()} {sys.executable}",
        "" if fits else f"Use a Python from {oldest} to {newest}.",
    )
    wide = sys.maxsize > 2**32
    yield Finding(
        "system",
        f"{platform.platform()} {platform.machine()} {64 if wide else 32}-bit",
        "" if wide else "Use a 64-bit Python.",
    )
    # The launchers of the single file are stricter: isolated mode implies this.
    state = "on" if sys.flags.safe_path else "off, but the command does not import from the folder that it is given in"
    yield Finding("PYTHONSAFEPATH", state)


def _packages() -> Iterator[Finding]:
    """Where each package was imported from; what came from the folder of the command is an intruder."""
    path = {Path(entry).absolute() for entry in sys.path}
    places = {}
    for name in (*OURS, *OTHERS):
        spec = find_spec(name)
        if spec is None or spec.origin is None:
            yield Finding(name, "not there", "Install the tool again.")
            continue
        module = Path(spec.origin).absolute()
        package = module.parent if module.stem == "__init__" else module
        places[name] = package.parent
        listed = "" if name in OURS else f"{version_of(name)} "
        intruder = package.parent == Path.cwd() and Path.cwd() in path
        remedy = "It comes from the folder that you are in: go to another one, or set PYTHONSAFEPATH=1."
        yield Finding(name, f"{listed}{package}", remedy if intruder else "")
    if len({place for name, place in places.items() if name in OURS}) > 1:
        yield Finding("packages", "keys and encoder come from two places", "Install the tool again.")


def _console() -> Iterator[Finding]:
    pages = (
        f"output {sys.stdout.encoding}, files {locale.getpreferredencoding(False)}, names {sys.getfilesystemencoding()}"
    )
    if sys.platform == "win32":
        import ctypes

        kernel = ctypes.WinDLL("kernel32")
        pages += f", code pages {kernel.GetACP()} (Windows), {kernel.GetConsoleOutputCP()} (console)"
    yield Finding("encodings", pages)


def _network() -> Iterator[Finding]:
    kept = ssl.create_default_context().cert_store_stats()["x509_ca"]
    paths = ssl.get_default_verify_paths()
    listed = sum(1 for _ in Path(paths.capath).iterdir()) if paths.capath else 0
    there = bool(kept or listed)
    where = "Windows" if sys.platform == "win32" else paths.cafile or paths.capath or "nowhere"
    yield Finding(
        "TLS trust store",
        f"{where}, {kept or listed} certificates",
        "" if there else "Without certificates no broker can be trusted: install the system's (ca-certificates).",
    )
    proxies = {kind: address for kind, address in getproxies().items() if kind in ("http", "https", "all")}
    yield Finding("proxies", ", ".join(f"{kind}: {_host(address)}" for kind, address in proxies.items()) or "none")


def _host(address: str) -> str:
    """Host and port of a proxy's address, never the credentials in it."""
    try:
        parts = urlsplit(address if "://" in address else f"//{address}")
        return f"{parts.hostname or 'no host'}{f':{parts.port}' if parts.port else ''}"
    except ValueError:
        return "an address that cannot be read"


def _folders(folder: Path) -> Iterator[Finding]:
    for name, place in (("working folder", folder), ("temporary folder", Path(tempfile.gettempdir()))):
        trial = place / f".counterfoil-doctor-{secrets.token_hex(4)}"
        remedy = ""
        try:
            write_whole(trial, b"", private=True)
            trial.unlink()
        except (CounterfoilError, OSError) as error:
            remedy = str(error)
        yield Finding(name, str(place.absolute()), remedy)


def _broker(address: str) -> Iterator[Finding]:
    """One request that says nothing about anybody; the answer's Date is the broker's clock (RFC 9110, 6.6.1)."""
    url = f"{address.rstrip('/')}/healthz"
    try:
        with open_client(broker_address(address), timeout=20.0) as http:
            answer = http.get(url)
    except httpx.HTTPError as error:
        fault = unreachable(error, where=url)
        yield Finding("broker", f"{url}: {fault.what}", fault.remedy)
        return
    except CounterfoilError as error:
        yield Finding("broker", error.what, error.remedy)
        return
    if not answer.is_success or answer.headers.get("content-type") != "application/json":
        remedy = "Check the address; a proxy may want you to sign in first: open the address in a browser."
        yield Finding("broker", f"{url} answered {answer.status_code}, not as a broker does", remedy)
        return
    yield Finding("broker", f"{url} answers")
    try:
        theirs = parsedate_to_datetime(answer.headers["date"])
    except (KeyError, ValueError):
        yield Finding("clock", "the broker did not say what time it is")
        return
    off = (datetime.now(UTC) - theirs).total_seconds()
    remedy = "Set the clock: the broker refuses requests whose time is more than two minutes off."
    said = (
        "as the broker's" if abs(off) < 2 else f"{abs(off):,.0f} s {'ahead of' if off > 0 else 'behind'} the broker's"
    )
    yield Finding("clock", said, remedy if abs(off) > SKEW else "")
