"""The command ``counterfoil-broker``: the broker's own commands, rehearsals, and evidence of quality and safety."""

import typer

from encoder.cli.running import end_in_order, run
from services.assurance.attack_cli import attack
from services.assurance.cli import evaluate, match
from services.broker.cli import serve, work
from services.broker.doctor.command import doctor
from services.broker.identity.rewrap_cli import rewrap
from services.rehearsal.cli import demo, rehearse

app = typer.Typer(
    name="counterfoil-broker",
    help="Run the broker, rehearse a linkage on one machine, repeat a match of plain CLKs, judge links, or attack.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
app.command("serve")(serve)
app.command("work")(work)
app.command("rewrap")(rewrap)
app.command("doctor")(doctor)
app.command("rehearse")(rehearse)
app.command("demo")(demo)
app.command("match")(match)
app.command("evaluate")(evaluate)
app.command("attack")(attack)


def main() -> None:
    end_in_order()
    run(app)
