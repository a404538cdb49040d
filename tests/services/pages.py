"""Write what ``docs/reference`` says of the broker's commands, problems, settings and operations.

``python -m tests.services.pages``
"""

from __future__ import annotations

import json

import typer
from pydantic.fields import FieldInfo

from services.broker.api.openapi import document
from services.broker.front.problem_types import KINDS, PREFIX
from services.broker.settings import Settings
from services.broker.watch.settings import WatchSettings
from services.cli import app
from tests.encoder.pages import REFERENCE, leaves

PAGE = REFERENCE / "broker-commands.md"
PROBLEMS = REFERENCE / "problems.md"
SETTINGS = REFERENCE / "broker-settings.md"
OPENAPI = REFERENCE / "openapi.json"

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
log; a caller may choose it (32 small hexadecimal digits, or a UUID in them; anything else is not taken up).
`python -m tests.services.pages` writes this page, and a test fails when it is no longer true.

| name | status | what it means | what to do | more members |
|---|---|---|---|---|
{kinds}

`retry_after` is a number of seconds. `failing` is a list of `database`, `migrations`, `storage` and `worker`.

What is no HTTP at all never becomes a request: the server, or the proxy before it, answers 400 in a form of its own.
"""


_SETTINGS = """# Settings of the broker

Every setting of `counterfoil-broker serve` and `work`, each a variable of the environment. None is a secret:
passphrases come from files or are asked for. `python -m tests.services.pages` writes this page, and a test fails when
it is no longer true.

| variable | default | what it is |
|---|---|---|
{settings}

`COUNTERFOIL_BROKER_HOME` is given as `--home`.

**Behind a proxy** that shows the broker at `https://example.org/counterfoil`, set `ROOT_PATH` to `/counterfoil` and
have the proxy strip that prefix: requests are signed for the whole path, and the broker puts the prefix back before it
checks them. Parties then give `--broker https://example.org/counterfoil`. Set `TRUSTED_PROXIES` to the proxy's address
too, so that requests without a signature are counted by the address that they come from, not all by the proxy's, and
`Strict-Transport-Security` is sent. The proxy must replace `X-Forwarded-For`, or add to its end: the last address that
is not a trusted proxy's counts. Limits on requests are per process.

**Without a proxy** set `TLS_CERTIFICATE` and `TLS_KEY`. They are read when the broker starts: start it again when the
certificate is renewed. The image asks itself by plain HTTP whether it is alive; give its container another health check
then, or leave TLS to the proxy as the files in `deploy` do.
"""


def settings() -> str:
    prefix = str(Settings.model_config["env_prefix"])
    rows = (
        f"| `{prefix}{name.upper()}` | {_default(field)} | "
        f"{' '.join((field.description or '').replace('``', '`').split())} |"
        for name, field in sorted(Settings.model_fields.items(), key=lambda item: item[0] in WatchSettings.model_fields)
    )
    return _SETTINGS.format(settings="\n".join(rows))


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "must be given"
    return f"`{field.default}`" if field.default not in (None, "") else "none"


def openapi() -> str:
    return json.dumps(document(), indent=1, sort_keys=True, ensure_ascii=False) + "\n"


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
    SETTINGS.write_text(settings(), encoding="utf-8", newline="\n")
    OPENAPI.write_text(openapi(), encoding="utf-8", newline="\n")
