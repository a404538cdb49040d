"""Write the pages of ``docs/reference`` that repeat what the tool says: ``python -m tests.encoder.pages``."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer

from encoder.cli import app
from encoder.errors import EncoderError
from tests.encoder.test_read import BAD, COUNTED, READ, REFUSED, WARNED, run

REFERENCE = Path(__file__).parents[2] / "docs" / "reference"

_BAD_INPUT = """# Bad input and what is said about it

Every fault that a file can have stands in a file of its own, made up, in `tests/encoder/bad_input`, named for the
fault. This page is what `counterfoil encode` says of each; `python -m tests.encoder.pages` writes it from the tool
itself, and a test fails when it is no longer true. No message shows a cell, and a refused file leaves everything as it
was: no upload, no list, nothing half-written. Row numbers are those that a spreadsheet shows.

## Refused
The command ends with exit code 1.

| file | message | what to do |
|---|---|---|
{refused}

## Read, and the damage counted
Values that cannot be right are left out of linking, counted, and listed with row number and reason in `rejected.csv`.

| file | field | what is counted |
|---|---|---|
{counted}

## Read, with a warning before anything is encoded

| file | warning |
|---|---|
{warned}

## Read as it stands
{read}

## Around the file
Each has a test by the name on the right.

| fault | what happens | test |
|---|---|---|
{around}
"""

PREVIEW = "test_encode_preview.py"
AROUND = (
    ("a full disk", "refused; all as it was", PREVIEW, "test_a_full_disk_leaves_everything_as_it_was"),
    (
        "an unwritable folder, an output that exists already, a link in its place",
        "refused; all as it was",
        PREVIEW,
        "test_a_refusal_leaves_everything_as_it_was",
    ),
    (
        "a link where the upload is written",
        "replaced; what it leads to is not touched",
        PREVIEW,
        "test_a_link_in_the_way_of_the_list_or_the_upload_is_not_followed",
    ),
    (
        "an id that leads out of the folder (`../x`)",
        "refused",
        "test_workspace.py",
        "test_no_id_of_a_run_leads_out_of_the_folder",
    ),
    (
        "a cell of more than 131,072 characters",
        "refused with its row",
        "test_read.py",
        "test_a_huge_cell_is_refused",
    ),
    (
        "a million rows",
        "read in batches, with progress",
        "test_read.py",
        "test_a_million_rows_come_in_batches_while_the_file_is_read",
    ),
    ("a file that is not there, or a folder", "refused", "test_read.py", "test_a_path_that_is_no_file"),
)

_COMMANDS = """# Commands and how they end

Every command of `counterfoil`, as `counterfoil COMMAND --help` has it; `python -m tests.encoder.pages` writes this page
and a test fails when it is no longer true.

| command | what it does | example |
|---|---|---|
{commands}

## Exit codes
The same for every command. What goes wrong is said on stderr: where, what, and what to do; `--json` keeps stdout for
one object and nothing else.

| code | meaning |
|---|---|
| 0 | done |
| 1 | refused, or answered with no: stderr says what, where, and what to do; nothing is left half-written |
| 2 | wrong usage: an unknown option, or one missing |
| 130 | interrupted (Ctrl-C); what was not finished has been undone |
| 143 | told to end (SIGTERM); likewise |
"""


def bad_input() -> str:
    return _BAD_INPUT.format(
        refused="\n".join(_refused()),
        counted="\n".join(_counted()),
        warned="\n".join(f"| `{name}` | {what} |" for name, what in sorted(WARNED.items())),
        read=", ".join(f"`{name}`" for name in sorted(READ)) + ".",
        around="\n".join(f"| {fault} | {what} | `{file}`, `{test}` |" for fault, what, file, test in AROUND),
    )


def commands() -> str:
    found = sorted(leaves(typer.main.get_command(app), "counterfoil"))
    return _COMMANDS.format(commands="\n".join(f"| `{name}` | {what} | `{example}` |" for name, what, example in found))


def _refused() -> Iterator[str]:
    for name in sorted(REFUSED):
        try:
            run(BAD / name)
        except EncoderError as error:
            where = (error.where or "").replace(f"{BAD}/", "")
            yield f"| `{name}` | {_cell(f'{where}: {error.what}')} | {_cell(error.remedy)} |"


def _counted() -> Iterator[str]:
    for name, (field, kind, _, _) in sorted(COUNTED.items()):
        for one in run(BAD / name).findings:
            if one.field == field and one.kind == kind:
                yield f"| `{name}` | {field} | {_cell(one.reason)} |"


def _cell(text: str) -> str:
    return " ".join(text.replace("|", "\\|").split())


def leaves(command: Any, name: str) -> Iterator[tuple[str, str, str]]:
    """Name, first paragraph and example of every command below one of typer's."""
    if hasattr(command, "commands"):
        for word, one in command.commands.items():
            yield from leaves(one, f"{name} {word}")
        return
    parts = [" ".join(part.split()) for part in inspect.cleandoc(command.help or "").split("\n\n")]
    example = next((part for part in parts if part.startswith("Example")), "")
    if not example:
        raise ValueError(f"{name} --help has no example")
    yield name, parts[0], example.partition(": ")[2]


PAGES = {"bad-input.md": bad_input, "commands.md": commands}

if __name__ == "__main__":
    for file, page in PAGES.items():
        (REFERENCE / file).write_text(page(), encoding="utf-8", newline="\n")
