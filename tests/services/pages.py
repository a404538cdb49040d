"""Write the pages of ``docs/reference`` on the broker's commands and problems: ``python -m tests.services.pages``."""

from __future__ import annotations

import typer

from services.broker.problem_types import KINDS, PREFIX
from services.cli import app
from tests.encoder.pages import REFERENCE, leaves

PAGE = REFERENCE / "broker-commands.md"
PROBLEMS = REFERENCE / "problems.md"

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


_PROBLEMS = """# Problems

Every error of the broker is answered as `application/problem+json` (RFC 9457). `type` is `{prefix}` and a name of this
table, which stays as it is: programs may decide by it. `title` says what happened and `detail` what to do, in words for
people that may change. `request_id` is the `X-Request-ID` of the answer, by which the operator finds the request in the
log; a caller may choose it (8 to 64 letters, digits, dots, underscores or hyphens). `python -m tests.services.pages`
writes this page, and a test fails when it is no longer true.

| name | status | what it means | what to do | more members |
|---|---|---|---|---|
{kinds}

`retry_after` is a number of seconds. `failing` is a list of `database`, `migrations`, `storage` and `worker`.
"""


def problems() -> str:
    rows = (
        f"| `{kind.name}` | {kind.status} | {kind.means} | {kind.to_do} | "
        f"{', '.join(f'`{one}`' for one in kind.members) or 'none'} |"
        for kind in KINDS.values()
    )
    return _PROBLEMS.format(prefix=PREFIX, kinds="\n".join(rows))


def commands() -> str:
    found = sorted(leaves(typer.main.get_command(app), "counterfoil-broker"))
    return _COMMANDS.format(commands="\n".join(f"| `{name}` | {what} | `{example}` |" for name, what, example in found))


if __name__ == "__main__":
    PAGE.write_text(commands(), encoding="utf-8", newline="\n")
    PROBLEMS.write_text(problems(), encoding="utf-8", newline="\n")
