"""``counterfoil-broker evaluate`` on real files: from rows, links and truth to one page and its figures."""

from __future__ import annotations

import csv
import html
import json
import re
import shlex
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from encoder.cli.running import run as run_command
from services import cli
from services.rehearsal.demo_files import write_demo
from tests.stage import IDENTIFIERS, children, write_file

ROOT = Path(__file__).parents[3]
HOW_TO = ROOT / "docs" / "how-to" / "judge-a-linkage.md"
PAIRS = "id_a,id_b\n"


@dataclass
class Said:
    code: int
    out: str
    err: str


@dataclass
class Desk:
    """A folder with two holders' files, links and truth, and the command run on them."""

    folder: Path
    run: Callable[..., Said]

    def file(self, name: str) -> Path:
        return self.folder / name

    def evaluate(self, *more: str, holders: tuple[str, ...] = ("north", "south")) -> Said:
        words = ["evaluate", "--truth", str(self.file("truth.csv")), "--out", str(self.file("quality.html"))]
        for name in holders:
            words += ["--holder", f"{name}={self.file(name)}.csv", "--columns", f"{name}={self.file(name)}.toml"]
        return self.run(*words, *more)

    def with_links(self, *more: str, **choices: Any) -> Said:
        return self.evaluate("--links", str(self.file("links.csv")), *more, **choices)

    def refuses(self, said: Callable[[], Said], what: str, where: str = "") -> None:
        before = {path.name: path.read_bytes() for path in self.folder.iterdir()}
        found = said()
        assert (found.code, found.out) == (1, "")
        assert re.fullmatch(r"Error: .+\n.{10,}\.\n", found.err), found.err
        assert what in found.err
        assert where in found.err
        assert {path.name: path.read_bytes() for path in self.folder.iterdir()} == before

    @property
    def figures(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.file("quality.json").read_text("ascii"))
        return found

    def groups(self, name: str, holder: int = 0) -> dict[str, dict[str, Any]]:
        (found,) = [one for one in self.figures["holders"][holder]["breakdowns"] if one["name"] == name]
        return {group["label"]: group for group in found["groups"]}


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Desk:
    def run(*words: str) -> Said:
        monkeypatch.setattr(sys, "argv", ["counterfoil-broker", *words])
        with pytest.raises(SystemExit) as ended:
            run_command(cli.app)
        return Said(int(ended.value.code or 0), *capfd.readouterr())

    return Desk(tmp_path, run)


@pytest.fixture
def small(desk: Desk) -> Desk:
    """Forty children whom both know, by the same ids; links of all but the last five, and a false one."""
    rows = [dict(row) for row in children(40, seed=1)]
    for row in rows[:10]:
        row["nhs_number"], row["surname"] = "", f"{row['surname']}-Quill"
    for row in rows[10:20]:
        row["forename"] = f"Zo\N{LATIN SMALL LETTER E WITH DIAERESIS} {row['forename']}"
    for one, other in zip(rows[20:28], rows[28:36], strict=True):
        other |= {field: one[field] for field in ("surname", "date_of_birth", "postcode")}
    write_file(desk.folder, "north", rows)
    write_file(desk.folder, "south", rows)
    ids = [row["id"] for row in rows]
    desk.file("truth.csv").write_text(PAIRS + "".join(f"{one},{one}\n" for one in ids))
    linked = [*zip(ids[:35], ids[:35], strict=True), (ids[35], ids[36])]
    desk.file("links.csv").write_text(PAIRS + "".join(f"{a},{b}\n" for a, b in linked))
    return desk


def numbers(found: Any) -> Iterator[int | float]:
    """Every number of a JSON object."""
    if isinstance(found, dict | list):
        for one in found.values() if isinstance(found, dict) else found:
            yield from numbers(one)
    elif isinstance(found, int | float):
        yield found


def words(text: str) -> set[str]:
    return set(re.findall(r"[^\W\d_]+", text))


def text_of(page: str) -> list[str]:
    """What a reader sees in the cells and terms of the page."""
    body = re.sub(r"<svg.*?</svg>|<style>.*?</style>", "", page, flags=re.DOTALL)
    return html.unescape(re.sub(r"<[^>]+>", " ", body)).split()


def test_the_groups_of_a_small_linkage_by_hand(small: Desk) -> None:
    said = small.with_links()
    assert (said.code, said.err) == (0, "")
    assert said.out.startswith(
        "36 links, 40 true links: precision 97.22%, recall 87.50%, 5 missed links, 1 false link\n"
    )
    assert small.figures["f1"]["value"] == round(2 * 35 / 76, 4)
    numbers = small.groups("NHS number, given or missing")
    assert {label: (one["rows"], one["missed"], one["false"]) for label, one in numbers.items()} == {
        "given": (30, 5, 1),
        "missing": (10, 0, 0),
    }
    names = small.groups("Names")
    assert {label: one["rows"] for label, one in names.items()} == {"hyphenated or double-barrelled": 10, "neither": 30}
    letters = small.groups("Letters of the names")
    assert {label: one["rows"] for label, one in letters.items()} == {"other than a to z": 10, "a to z only": 30}
    twins = small.groups("Twins")
    assert {label: (one["rows"], one["linked"], one["missed"]) for label, one in twins.items()} == {
        "same surname, date of birth and postcode": (16, 16, 1),
        "no": (24, 20, 4),
    }
    assert small.groups("Twins", 1)["no"]["linked"] == 21


def test_a_demo_linkage_is_judged_and_the_page_has_every_figure_and_no_child(desk: Desk) -> None:
    made = write_demo(desk.folder, seed=4, council_rows=700, icb_rows=1100)
    true = made.truth.read_text().splitlines()[1:]
    kept = [line for place, line in enumerate(true) if place % 9]
    swapped = [f"{a.split(',')[0]},{b.split(',')[1]}" for a, b in zip(true[0:90:9], true[9:99:9], strict=True)]
    desk.file("links.csv").write_text("\n".join([PAIRS.strip(), *kept, *swapped, ""]))
    command = ["evaluate", "--truth", str(made.truth), "--links", str(desk.file("links.csv")), "--json"]
    for name, file, columns in (
        ("council", made.council, made.council_columns),
        ("icb", made.icb, made.icb_columns),
    ):
        command += ["--holder", f"{name}={file}", "--columns", f"{name}={columns}"]
    said = desk.run(*command, "--out", str(desk.file("quality.html")))
    assert (said.code, said.err) == (0, "")
    assert json.loads(said.out) == desk.figures
    assert desk.figures["missed"] == len(true) - len(kept)
    assert desk.figures["false"] == len(swapped)
    page = desk.file("quality.html").read_text("utf-8")
    seen = set(text_of(page))
    for one in numbers(desk.figures):
        assert (f"{one:,}" if isinstance(one, int) else f"{100 * one:.2f}%") in seen
    assert "<script" not in page
    assert "\N{HORIZONTAL ELLIPSIS}" not in page  # every label of a chart is whole
    ours = "".join(path.read_text() for path in ROOT.glob("[es]*/**/templates/*.html"))
    words_shown = words(page + said.out) - words(ours)
    for path in (made.council, made.icb):
        with path.open(encoding="utf-8", newline="") as stream:
            values = {value for row in csv.DictReader(stream) for value in row.values()}
        names = {value.title() for value in values if re.fullmatch(r"[A-Z][A-Za-z]{3,}", value)} | values
        long = {value for value in values if len(value) >= 7 and re.search(r"\d", value)}
        assert len(names) > 100
        assert len(long) > 1000
        assert names & words_shown <= {"council", "icb"}
        assert not [value for value in long if value in page or value in said.out]


@pytest.mark.parametrize(
    ("file", "column"), [("links", "id_a"), ("links", "id_b"), ("truth", "id_a"), ("truth", "id_b")]
)
def test_a_pair_that_names_no_row_is_refused(small: Desk, file: str, column: str) -> None:
    pair = ("stranger", "1-1") if column == "id_a" else ("1-1", "stranger")
    with small.file(f"{file}.csv").open("a") as stream:
        stream.write(",".join(pair) + "\n")
    holder = "north" if column == "id_a" else "south"
    small.refuses(small.with_links, f"have an {column} that is no row of {holder}.", where=f"{file}.csv")


def test_files_without_the_columns_of_pairs_are_refused(small: Desk) -> None:
    small.file("links.csv").write_text("a,b\n1,2\n")
    small.refuses(small.with_links, "The links file has no column id_a and no column id_b.", where="links.csv")


@pytest.mark.parametrize("name", ["quality.html", "quality.json"])
def test_what_is_there_is_not_replaced(small: Desk, name: str) -> None:
    small.file(name).write_text("mine")
    small.refuses(small.with_links, "This file exists already.", where=name)


def test_words_that_do_not_fit_are_refused(small: Desk) -> None:
    small.refuses(small.evaluate, "two ways to say what is linked")
    small.refuses(lambda: small.with_links("--rehearsal", str(small.folder)), "two ways to say what is linked")
    small.refuses(lambda: small.with_links(holders=("north",)), "Links and truth are of two holders.")
    small.refuses(lambda: small.with_links("--out", "quality.txt"), "ends with .html")
    small.refuses(lambda: small.evaluate("--rehearsal", str(small.file("nowhere"))), "", where="nowhere")


def test_a_holder_without_names_and_nothing_linked(small: Desk) -> None:
    few = ("sex", "date_of_birth", "nhs_number")
    write_file(small.folder, "south", [{name: row[name] for name in ("id", *few)} for row in children(40, seed=1)], few)
    small.file("links.csv").write_text(PAIRS)
    assert small.with_links().code == 0
    assert small.figures["precision"] is None
    assert (small.figures["recall"]["value"], small.figures["missed"]) == (0.0, 40)
    names = [one["name"] for one in small.figures["holders"][1]["breakdowns"]]
    assert names == [
        "Age in years",
        "Sex",
        *(f"{one}, given or missing" for one in ("Sex", "Date of birth", "NHS number")),
    ]
    assert set(IDENTIFIERS) > set(few)


def test_the_how_to_works_as_it_stands(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(desk.folder)
    write_demo(desk.folder, seed=5, council_rows=150, icb_rows=250)
    lines = "".join(re.findall(r"```sh\n(.*?)```", HOW_TO.read_text(encoding="utf-8"), re.DOTALL)).splitlines()
    assert [line.split()[1] for line in lines] == ["rehearse", "evaluate"]
    for line in lines:
        assert desk.run(*shlex.split(line)[1:]).code == 0
    assert desk.figures["recall"]["value"] > 0.8
    assert desk.file("quality.html").is_file()


def beside(desk: Desk, name: str) -> Path:
    """Put the postcodes of a holder's file into a second one, which is returned."""
    with desk.file(f"{name}.csv").open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    second = desk.file(f"{name}-homes.csv")
    second.write_text("id,home\n" + "".join(f"{row['id']},{row['postcode']}\n" for row in rows), encoding="utf-8")
    fields = [field for field in IDENTIFIERS if field != "postcode"]
    write_file(desk.folder, name, [{field: row[field] for field in ("id", *fields)} for row in rows], fields)
    with desk.file(f"{name}.toml").open("a", encoding="utf-8") as stream:
        stream.write('\n[other]\non = "id"\npostcode = "home"\n')
    return second


def test_what_stands_in_a_second_file_is_told_as_if_it_stood_in_the_first(small: Desk) -> None:
    assert small.with_links().code == 0
    whole = small.figures
    for name in ("quality.html", "quality.json"):
        small.file(name).unlink()
    second = beside(small, "south")
    small.refuses(small.with_links, "stands in a second file, which was not given", where="south.csv")
    small.refuses(
        lambda: small.with_links("--with", f"north={second}"), "does not say what is in it", where="south-homes.csv"
    )
    small.refuses(lambda: small.with_links("--with", f"west={second}"), "west has a second file, but no first.")
    assert small.with_links("--with", f"south={second}").code == 0
    assert small.figures == whole


def test_a_rehearsal_remembers_its_files_and_nothing_of_what_they_hold(small: Desk) -> None:
    second = beside(small, "south")
    given = [
        word
        for name in ("north", "south")
        for word in (*("--holder", f"{name}={small.file(name)}.csv"), *("--columns", f"{name}={small.file(name)}.toml"))
    ]
    given += ["--with", f"south={second}"]
    kept = small.file("kept")
    assert small.run("rehearse", *given, "--out", str(kept), "--json").code == 0
    paths = [
        str(small.file(name)) for name in ("north.csv", "north.toml", "south.csv", "south.toml", "south-homes.csv")
    ]
    remembered = json.loads((kept / "files.json").read_text("utf-8"))
    told = [[one["name"], one["file"], one["columns"], one["with"]] for one in remembered["holders"]]
    assert told == [["north", *paths[:2], None], ["south", *paths[2:]]]
    assert remembered["truth"] is None
    out = ("--out", str(small.file("quality.html")))
    said = small.run("evaluate", "--rehearsal", str(kept), *out)
    assert (said.code, said.out) == (1, "")
    assert "Nothing says which rows belong together." in said.err
    kept = kept.rename(small.file("moved"))
    truth = ("--truth", str(small.file("truth.csv")))
    assert small.run("evaluate", "--rehearsal", str(kept), *truth, *out).code == 0
    assert (small.figures["true_links"], small.figures["recall"]["value"]) == (40, 1.0)


@pytest.mark.parametrize(
    ("text", "what"),
    [
        (None, "no such file"),
        ("[]", "not what a rehearsal leaves"),
        ("no JSON", "not what a rehearsal leaves"),
        ('{"truth": null}', "not what a rehearsal leaves"),
        ('{"truth": null, "holders": [{"name": "north"}]}', "not what a rehearsal leaves"),
        ('{"truth": 1, "holders": []}', "not what a rehearsal leaves"),
    ],
)
def test_a_folder_that_remembers_nothing_usable_is_refused(small: Desk, text: str | None, what: str) -> None:
    kept = small.file("kept")
    kept.mkdir()
    if text is not None:
        (kept / "files.json").write_text(text)
    said = small.run("evaluate", "--rehearsal", str(kept), "--out", str(small.file("quality.html")))
    assert (said.code, said.out) == (1, "")
    assert what in said.err
    assert "files.json" in said.err
