"""``counterfoil-broker serve``: the broker as one process."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from keys.errors import IdentityError
from keys.identity import Identity
from keys.passphrase import read_passphrase
from services.broker.settings import Settings


def serve(
    home: Annotated[Path, typer.Option(help="Folder of the broker: identity, keys, storage, database.")],
    passphrase_file: Annotated[
        Path | None, typer.Option(help="File with the identity's passphrase; else it is asked for, or read from stdin.")
    ] = None,
    host: Annotated[
        str, typer.Option(help="Address to listen on. Put TLS in front of any but this machine.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen on.")] = 8750,
) -> None:
    """Run the broker: the HTTP interface and the runner of matches, in one process.

    Example: counterfoil-broker serve --home broker --passphrase-file broker.passphrase
    """
    import uvicorn  # these take seconds to import, and only this command needs them

    from services.broker.app import create_app, open_office

    settings = Settings(home=home)
    if not settings.identity_file.is_file():
        raise IdentityError(
            "There is no identity of a broker here.",
            where=str(settings.identity_file),
            remedy="Name the folder that holds the broker's identity.json.",
        )
    passphrase = read_passphrase(file=passphrase_file)
    where = str(settings.identity_file)
    identity = Identity.unlock(settings.identity_file.read_bytes(), passphrase, where=where)
    app = create_app(open_office(settings, identity))
    sys.stderr.write(f"Broker {identity.card.name}, fingerprint {identity.card.fingerprint}\n")
    uvicorn.run(app, host=host, port=port, log_level="warning", access_log=False, server_header=False)
