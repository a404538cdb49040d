"""Write the page of ``docs/reference`` on the broker's commands: ``python -m tests.services.pages``."""

from __future__ import annotations

import typer

from services.cli import app
from tests.encoder.pages import REFERENCE, leaves

PAGE = REFERENCE / "broker-commands.md"

_COMMANDS = """# Commands of the broker

Every command of `counterfoil-broker`, as `counterfoil-broker COMMAND --help` has it; `python -m tests.services.pages`
writes this page and a test fails when it is no longer true.

| command | what it does | example |
|---|---|---|
{commands}

They end as the [commands of `counterfoil`](commands.md) do, with the same exit codes. `serve` and `work` go on until
they are told to end; Ctrl-C is then a regular end, with code 0, and for `work` SIGTERM too. More on
[`match`](match.md).
"""


def commands() -> str:
    found = sorted(leaves(typer.main.get_command(app), "counterfoil-broker"))
    return _COMMANDS.format(commands="\n".join(f"| `{name}` | {what} | `{example}` |" for name, what, example in found))


if __name__ == "__main__":
    PAGE.write_text(commands(), encoding="utf-8", newline="\n")
