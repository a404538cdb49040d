"""``counterfoil-broker serve`` and ``work``: the broker as one process, or as many as the work asks for."""

import secrets
import signal
import sys
import time
from importlib.metadata import version
from pathlib import Path
from threading import Event, Thread
from typing import Annotated

import typer

from services.broker.identity.unlocking import unlock
from services.broker.settings import Settings

Home = Annotated[Path, typer.Option(help="Folder of the broker: identity, keys and, by default, storage and database.")]
PassphraseFile = Annotated[
    Path | None, typer.Option(help="File with the identity's passphrase; else it is asked for, or read from stdin.")
]


def serve(
    home: Home,
    passphrase_file: PassphraseFile = None,
    host: Annotated[
        str, typer.Option(help="Address to listen on. Have TLS, here or in front, for any but this machine.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen on.")] = 8750,
    name: Annotated[str, typer.Option(help="Name of this process among the workers; keep it from start to start.")] = (
        "broker"
    ),
    no_work: Annotated[bool, typer.Option("--no-work", help="Only answer requests: leave runs to `work`.")] = False,
) -> None:
    """Run the broker: the HTTP interface and, unless --no-work is given, a worker that matches, in one process.

    Example: counterfoil-broker serve --home broker --passphrase-file broker.passphrase
    """
    import uvicorn  # these take seconds to import, and only this command needs them

    from services.broker.app import create_app, open_office
    from services.broker.front.listening import words_for_uvicorn
    from services.broker.watch import logs
    from services.broker.watch.process import watched

    settings = Settings(home=home)
    words = words_for_uvicorn(settings)
    logs.install(settings, sys.stderr)
    identity = unlock(settings, passphrase_file)
    office = open_office(settings, identity)
    app = create_app(office, name=name, work=not no_work)
    card = identity.card
    logs.say("broker started", broker=card.name, fingerprint=card.fingerprint, version=version("counterfoil"))
    if not no_work:
        Thread(target=_warm, name="warm", daemon=True).start()
    with watched(office):
        level = logs.level_of_libraries(settings, "warning")
        uvicorn.run(app, host=host, port=port, log_config=None, log_level=level, access_log=False, **words)


def work(
    home: Home,
    passphrase_file: PassphraseFile = None,
    name: Annotated[
        str | None, typer.Option(help="Name of this worker, one of a kind; a made-up one if none is given.")
    ] = None,
) -> None:
    """Run a worker: it takes tasks of runs from the broker's database until it is told to end. Start as many as you
    like, on one machine or, with PostgreSQL and a shared folder as home, on many.

    Example: counterfoil-broker work --home broker --passphrase-file broker.passphrase --name worker-2
    """
    from services.broker.app import open_office
    from services.broker.runs import workflows
    from services.broker.watch import logs
    from services.broker.watch.process import watched

    settings = Settings(home=home)
    logs.install(settings, sys.stderr)
    office = open_office(settings, unlock(settings, passphrase_file))
    called = name or f"worker-{secrets.token_hex(4)}"
    told = Event()
    for kind in (signal.SIGINT, signal.SIGTERM):
        signal.signal(kind, lambda *_: told.set())
    workflows.start(office, called)
    try:
        with watched(office):
            logs.say("worker started", worker=called, version=version("counterfoil"))
            _warm()
            told.wait()
    finally:
        workflows.stop()
        office.store.close()


def _warm() -> None:
    """Have the code for comparing compiled before it is needed, and say how long that took and where it is kept."""
    from matcher import kernel
    from services.broker.watch.logs import say

    started = time.monotonic()
    compiled, seconds = kernel.warm(), time.monotonic() - started
    folder = kernel.code_folder()
    if folder is None:
        say("code ready", seconds=round(seconds, 1), code="not kept")
    else:
        say("code ready", seconds=round(seconds, 1), code="kept" if compiled else "found", folder=str(folder))
