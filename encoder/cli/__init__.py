"""The command ``counterfoil``: one small module per group of commands."""

import sys

import typer

from encoder.cli import agreement, decisions, identity, linkage, log, recipient, secret
from encoder.cli.clk import clk
from encoder.cli.columns import columns
from encoder.cli.destruction import destroyed
from encoder.cli.doctor import doctor
from encoder.cli.encode import encode
from encoder.cli.profile import profile
from encoder.cli.results import results
from keys.errors import CounterfoilError

app = typer.Typer(
    name="counterfoil",
    help="Turn a holder's rows into encodings that can be linked without showing anybody a name.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


app.command("clk")(clk)
app.add_typer(identity.app)
app.add_typer(agreement.app)
app.add_typer(secret.app)
app.add_typer(log.app)
for command in (
    linkage.submit,
    profile,
    encode,
    linkage.upload,
    linkage.start,
    linkage.status,
    decisions.approve,
    decisions.decline,
):
    app.command()(command)
app.command("columns")(columns)
app.command()(destroyed)
app.command()(doctor)
app.command("results")(results)
app.command("open")(recipient.open_)
app.command("join")(recipient.join)


def run(commands: typer.Typer) -> None:
    """Run a command; the one place where an error becomes a message on stderr and an exit code.

    0: done. 1: refused, with what, where and what to do. 2: wrong usage. 130: interrupted.
    """
    try:
        commands()
    except CounterfoilError as error:
        where = f"{error.where}: " if error.where else ""
        message = f"Error: {where}{error.what}\n{error.remedy}\n"
        encoding = sys.stderr.encoding or "ascii"
        sys.stderr.write(message.encode(encoding, "backslashreplace").decode(encoding))
        sys.exit(error.exit_code)


def main() -> None:
    run(app)
