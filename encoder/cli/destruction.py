"""``counterfoil destroyed``: has the broker destroyed the data?"""

import json
import sys

from encoder.cli.desk import HERE, Broker, Desk, Folder, Json, PassphraseFd, PassphraseFile
from encoder.destruction import fetch_destruction
from keys.agreement import Role


def destroyed(
    broker: Broker,
    folder: Folder = HERE,
    passphrase_file: PassphraseFile = None,
    passphrase_fd: PassphraseFd = None,
    json_: Json = False,
) -> None:
    """Fetch the broker's signed receipt that the agreement's data are destroyed, and keep it as destruction.json.

    Exit code 1 as long as they are not.

    Example: counterfoil destroyed --broker https://broker.example
    """
    desk = Desk.open_expired(folder, passphrase_file, passphrase_fd)
    with desk.door(broker) as door:
        said = fetch_destruction(desk.workspace, door, agreement=desk.agreement, identity=desk.identity)
    if json_:
        sys.stdout.write(json.dumps(dict(said)) + "\n")
        return
    sys.stdout.write(
        f"destroyed on {said['destroyed_at'][:19]} UTC, by {desk.agreement.sole(Role.BROKER).name}'s signed receipt in "
        f"{desk.workspace.destruction} and the last entry of the log\n"
        f"runs: {', '.join(said['runs']) or 'none'}\n"
        "It cannot show that nobody made a copy before.\n"
    )
