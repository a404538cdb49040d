"""``counterfoil-broker rehearse`` and ``demo``."""

from __future__ import annotations

import json
import secrets
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from itertools import product
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from encoder.cli.controls import lines, to_json
from encoder.errors import InputError, OutputError
from encoder.outcome import tell
from keys.agreement import read_terms
from keys.files import write_whole
from keys.terms import Terms
from services.rehearsal.accuracy import Accuracy, RowPair, compare, pair_lines, read_truth
from services.rehearsal.demo_files import write_demo
from services.rehearsal.given import ColumnFiles, Holders, SecondFiles, holder_files
from services.rehearsal.holder import HolderFiles
from services.rehearsal.name_lists import read_name_lists
from services.rehearsal.rehearse import Outcome, Rehearsal, require_two, save_agreement
from services.rehearsal.remembered import remember
from services.rehearsal.reporter import Reporter

CONTROL_ROWS = 200
"""Of the demo's agreement."""
_MARK = ".counterfoil-rehearsal"
_OUR_NAMES = frozenset(
    {"agreement.json", "broker", "data", "files.json", "linked.csv", "links.csv", "recipient", "report.json"}
    | {"quality.html", "quality.json"}
)
"""What a rehearsal puts into its folder beside the folders of the holders."""


def rehearse(
    holder: Holders,
    columns: ColumnFiles,
    with_: SecondFiles = None,
    truth: Annotated[Path | None, typer.Option(help="CSV with id_a,id_b: which rows belong together.")] = None,
    agreement: Annotated[Path | None, typer.Option(help="Agreement as TOML; else a default one.")] = None,
    out: Annotated[Path | None, typer.Option(help="New folder for what each party gets and makes.")] = None,
    cross_check: Annotated[
        bool, typer.Option("--cross-check", help="Compare the plain filters again with anonlink; report differences.")
    ] = False,
    json_: Annotated[bool, typer.Option("--json", help="Print one JSON object on stdout and nothing else.")] = False,
) -> None:
    """Rehearse a whole linkage on this machine, every party through its real doors.

    Without --out nothing is kept but what is printed.

    Example: counterfoil-broker rehearse --holder council=sen2.csv --columns council=sen2.toml
    --holder icb=csds.csv --columns icb=csds.toml --truth truth.csv --out rehearsal
    """
    files = holder_files(holder, columns, with_, taken=_OUR_NAMES)
    require_two(files)
    if truth is not None and len(files) != 2:
        raise InputError("A truth file is for two holders.", where=str(truth), remedy="Leave out --truth.")
    pairs = read_truth(truth) if truth else None
    terms = read_terms(_read(agreement), where=str(agreement)) if agreement else None
    reporter = Reporter(Console(stderr=True), quiet=json_)
    with _folder(out) as root:
        outcome = _run(files, root, terms, reporter, truth=pairs, cross_check=cross_check)
        report = describe(outcome, pairs)
        remember(root, files, truth)
        if out is not None:
            write_whole(root / "report.json", json.dumps(report, indent=2).encode(), replace=True)
    if json_:
        sys.stdout.write(json.dumps(report) + "\n")
    else:
        _print(report, outcome, out)


def demo(
    out: Annotated[Path, typer.Option(help="Folder for all files; an earlier demo there is replaced.")] = Path("demo"),
    council_rows: Annotated[int, typer.Option(min=100, help="Rows of the council's file.")] = 20_000,
    icb_rows: Annotated[int, typer.Option(min=100, help="Rows of the board's file.")] = 60_000,
    seed: Annotated[int, typer.Option(help="Another seed makes other children.")] = 1,
    names: Annotated[Path | None, typer.Option(help="Folder with lists of how common names are; else Faker's.")] = None,
) -> None:
    """Make up a council and an integrated care board, and link their children end to end.

    Example: counterfoil-broker demo --out demo
    """
    lists = read_name_lists(names) if names else None
    reporter = Reporter(Console(stderr=True))
    with _folder(out) as root:
        with reporter.step("generate", "making up two organisations' files (no real person in them)"):
            data = root / "data"
            data.mkdir()
            made = write_demo(data, seed=seed, council_rows=council_rows, icb_rows=icb_rows, names=lists)
        files = [
            HolderFiles("council", made.council, made.council_columns),
            HolderFiles("icb", made.icb, made.icb_columns),
        ]
        true = read_truth(made.truth)
        outcome = _run(files, root, None, reporter, truth=true, control_rows=CONTROL_ROWS)
        report = describe(outcome, true)
        remember(root, files, made.truth)
        write_whole(root / "report.json", json.dumps(report, indent=2).encode(), replace=True)
    _print(report, outcome, out)


def describe(outcome: Outcome, truth: set[RowPair] | None) -> dict[str, Any]:
    """The report of a rehearsal, as ``--json`` prints it."""
    accuracy: Accuracy | None = None
    if truth is not None and outcome.links is not None:
        accuracy = compare(_pairs(outcome), truth)
    seconds = outcome.seconds
    return {
        "holders": {name: {"rows": rows, "rejected": outcome.rejected[name]} for name, rows in outcome.rows.items()},
        "links": None if outcome.links is None else len(outcome.links),
        "outcome": outcome.status["outcome"],
        "missed_links": accuracy and accuracy.missed,
        "false_links": accuracy and accuracy.false,
        "truth_unknown": accuracy and outcome.truth_unknown,
        "precision": accuracy and accuracy.precision,
        "recall": accuracy and accuracy.recall,
        "f1": accuracy and accuracy.f1,
        "pairs_compared": outcome.pairs_compared,
        "seconds": {name: round(seconds.get(name, 0.0), 3) for name in ("encode", "match", "total")},
        "seconds_by_step": {name: round(value, 3) for name, value in seconds.items()},
        "peak_memory_mb": round(outcome.peak_memory_mb, 1),
        "match_keys": [key.name for key in outcome.agreement.terms.match_keys],
        "threshold": outcome.agreement.terms.decision.match,
        "release": outcome.agreement.terms.release.value,
        "agreement": outcome.agreement.id,
        "control_rows": None if outcome.controls is None else to_json(outcome.controls),
        "cross_check": None if outcome.cross_checks is None else [check.to_json() for check in outcome.cross_checks],
    }


def _pairs(outcome: Outcome) -> set[RowPair]:
    """The rows of the first two holders that are linked."""
    first, second = list(outcome.rows)[:2]
    return {pair for link in outcome.links or () for pair in product(link.get(first, ()), link.get(second, ()))}


def _run(
    files: list[HolderFiles],
    root: Path,
    terms: Terms | None,
    reporter: Reporter,
    *,
    truth: set[RowPair] | None,
    cross_check: bool = False,
    control_rows: int = 0,
) -> Outcome:
    today = date.today()  # noqa: DTZ011 - births are local dates
    known = None if truth is None else frozenset(truth)
    outcome = Rehearsal(files, root, terms, today, cross_check, known, control_rows).run(reporter)
    save_agreement(root, outcome.agreement)
    if len(files) == 2 and outcome.links is not None:
        write_whole(root / "links.csv", pair_lines(_pairs(outcome)))
    return outcome


@contextmanager
def _folder(out: Path | None) -> Iterator[Path]:
    """The folder to work in: ``out``, left behind only on success, or one that is removed in any case.

    An earlier rehearsal in ``out`` is put aside, and comes back if this one fails.
    """
    if out is None:
        with tempfile.TemporaryDirectory(prefix="counterfoil-") as temporary:
            yield Path(temporary)
        return
    if out.exists() and not (out / _MARK).is_file() and (not out.is_dir() or any(out.iterdir())):
        raise OutputError(
            "This exists already and is not an earlier rehearsal.", where=str(out), remedy="Name a new folder."
        )
    aside = out.with_name(f".{out.name}.{secrets.token_hex(4)}.earlier")
    try:
        if out.exists():
            out.rename(aside)
        out.mkdir(mode=0o700)
        (out / _MARK).touch()
    except OSError as error:
        raise OutputError(
            f"The folder cannot be made ({error.strerror}).",
            where=str(out),
            remedy="Name a new folder in one that exists and that you may write to.",
        ) from None
    try:
        yield out
    except BaseException:
        shutil.rmtree(out, ignore_errors=True)
        if aside.exists():
            aside.rename(out)
        raise
    shutil.rmtree(aside, ignore_errors=True)


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        raise InputError("The file cannot be read.", where=str(path), remedy="Check the path.") from None


def _print(report: dict[str, Any], outcome: Outcome, out: Path | None) -> None:
    table = Table(title="What came of it", show_header=False, title_justify="left")
    for name, numbers in report["holders"].items():
        rejected = f", {numbers['rejected']:,} of them without usable identifiers" if numbers["rejected"] else ""
        table.add_row(f"rows of {name}", f"{numbers['rows']:,}{rejected}")
    table.add_row("pairs compared", f"{report['pairs_compared']:,}")
    table.add_row("links", "not released" if report["links"] is None else f"{report['links']:,}")
    for line in tell(report["outcome"], outcome.agreement.terms):
        table.add_row("what the parties see", line)
    for checked in filter(None, [outcome.controls]):
        table.add_row("what holders see of control rows", "\n".join(lines(checked, outcome.agreement)))
    if report["f1"] is not None:
        table.add_row("missed links", f"{report['missed_links']:,}")
        table.add_row("false links", f"{report['false_links']:,}")
        if report["truth_unknown"]:
            table.add_row("true pairs of unknown rows", f"{report['truth_unknown']:,} (counted as missed)")
        table.add_row("precision, recall, F1", "{precision:.4f}, {recall:.4f}, {f1:.4f}".format(**report))
    for check in report["cross_check"] or []:
        verdict = f"{check['pairs']:,} pairs, {check['only_ours']} only ours, {check['only_anonlink']} only anonlink's"
        lost = f" ({check['lost_on_floor']} on the floor, lost to its rounding)" if check["lost_on_floor"] else ""
        table.add_row(f"cross-check of {check['match_key']}", verdict + lost)
    for name, value in report["seconds_by_step"].items():
        table.add_row(f"seconds: {name}", f"{value:.1f}")
    table.add_row("peak memory of one process", f"{report['peak_memory_mb']:,.0f} MiB")
    if out is not None:
        if outcome.joined is not None:
            table.add_row("linked rows", f"{outcome.joined} ({outcome.joined_rows:,} rows)")
        table.add_row("how good the links are expected to be", str(out / "quality.html"))
        table.add_row("each party's files", str(out))
    Console().print(table, highlight=False)
