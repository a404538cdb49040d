"""The command ``counterfoil``: one small module per group of commands."""

import typer

from encoder.cli import agreement, decisions, identity, linkage, log, recipient, secret
from encoder.cli.clk import clk
from encoder.cli.columns import columns
from encoder.cli.controls import controls
from encoder.cli.destruction import destroyed
from encoder.cli.doctor import doctor
from encoder.cli.encode import encode
from encoder.cli.profile import profile
from encoder.cli.quality import quality
from encoder.cli.results import results
from encoder.cli.running import end_in_order, run

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
    linkage.cancel,
    linkage.runs,
    linkage.status,
    controls,
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
app.command("quality")(quality)


def main() -> None:
    end_in_order()
    run(app)
