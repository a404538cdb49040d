"""The command ``counterfoil-broker``: the broker's own commands, and rehearsals of a whole linkage."""

import typer

from encoder.cli.running import run
from services.broker.cli import serve, work
from services.rehearsal.cli import demo, rehearse

app = typer.Typer(
    name="counterfoil-broker",
    help="Run the broker, or rehearse a whole linkage on one machine.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
app.command("serve")(serve)
app.command("work")(work)
app.command("rehearse")(rehearse)
app.command("demo")(demo)


def main() -> None:
    run(app)
