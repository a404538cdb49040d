"""``counterfoil-broker attack``: a report whatever comes of it, an exit code that says so, and nothing by halves."""

from __future__ import annotations

import html
import json
import re
import shlex
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from encoder.cli.running import run as run_command
from keys.template import template_text
from services import cli
from services.assurance.attack_page import figure

ROOT = Path(__file__).parents[3]
HOW_TO = ROOT / "docs" / "how-to" / "attack-an-agreement.md"
HARDENED = 'hardening = { method = "diffusion", t = 6, length = 512 }'


@dataclass
class Said:
    code: int
    out: str
    err: str


@dataclass
class Desk:
    """A folder, and the command run in it. What it says of its progress, where it takes long, is left out."""

    folder: Path
    run: Callable[..., Said]

    def agreement(self, **changes: str) -> Path:
        """The template with some lines replaced: what stands there -> what shall."""
        text = template_text()
        for old, new in changes.items():
            text = re.sub(rf"^{old} = .*$", f"{old} = {new}", text, flags=re.MULTILINE)
        path = self.folder / "agreement.toml"
        path.write_text(text, encoding="utf-8")
        return path

    def unhardened(self) -> Path:
        path = self.agreement()
        text = path.read_text(encoding="utf-8")
        assert HARDENED in text
        path.write_text(text.replace(HARDENED, 'accept_unhardened = "to see it fail"'), encoding="utf-8")
        return path

    @property
    def out(self) -> Path:
        return self.folder / "attacked"

    def figures(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self.out / "attack.json").read_text("ascii"))
        return found

    def page(self) -> str:
        return (self.out / "attack.html").read_text("utf-8")


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Desk:
    monkeypatch.chdir(tmp_path)

    def run(*words: str) -> Said:
        monkeypatch.setattr(sys, "argv", ["counterfoil-broker", "attack", *words])
        with pytest.raises(SystemExit) as ended:
            run_command(cli.app)
        out, err = capfd.readouterr()
        return Said(int(ended.value.code or 0), out, re.sub(r"^attacking: .*\n", "", err, flags=re.MULTILINE))

    return Desk(tmp_path, run)


def text_of(page: str) -> str:
    body = re.sub(r"<svg.*?</svg>|<style>.*?</style>", "", page, flags=re.DOTALL)
    return re.sub(r"\s+", " ", html.unescape(re.sub(r"<[^>]+>", " ", body)))


def test_a_report_of_what_was_asked_for(desk: Desk) -> None:
    said = desk.run("--only", "A4", "--only", "A10", "--rows", "1000", "--out", str(desk.out))
    assert (said.code, said.err) == (0, "")
    assert re.match(
        r"A4   Similarity leak: 0\.0\d\d \(0\.0\d\d to 0\.0\d\d\), guessing 0\.000, gate at most 0\.15", said.out
    )
    assert "A3   frequent sets of bits: not run. It was not asked for." in said.out
    assert sorted(path.name for path in desk.out.iterdir()) == ["attack.html", "attack.json"]
    figures, page = desk.figures(), text_of(desk.page())
    assert figures["format"] == "counterfoil-attack-1"
    assert (figures["passed"], figures["plan"]["rows"], figures["plan"]["listed"]) == (True, 1_000, 2_000)
    assert [one["attack"] for one in figures["findings"]] == ["A4", "A10", "A10"]
    for one in figures["findings"]:
        scale, form = (100, "{:.2f}%") if one["unit"] == "share" else (1, "{:.3f}")
        for value in (one["measured"]["value"], one["guessing"], one["control"]["value"]):
            assert form.format(scale * value) in page
        assert one["verdict"] in page.lower()
    assert "Every gate that was tried is passed" in page
    assert "A3, frequent sets of bits, was not run. It was not asked for." in page
    assert "<script" not in desk.page()


def test_a_small_share_is_not_told_as_nothing() -> None:
    assert [figure(value, "share") for value in (0.0, 0.00002, 0.0001, 1.0)] == [
        "0.00%",
        "under 0.01%",
        "0.01%",
        "100.00%",
    ]
    assert figure(0.00002, "number") == "0.000"


def test_a_report_claims_nothing_that_cannot_be_claimed(desk: Desk) -> None:
    assert desk.run("--only", "A10", "--out", str(desk.out)).code == 0
    page = text_of(desk.page()).lower()
    for word in ("anonym", "differential privacy", "guarantee", "secure"):
        assert word not in page
    assert "that no attack succeeds" in page
    assert "pseudonymised personal data" in page


def test_a_gate_that_is_not_passed_ends_with_an_error_after_the_report(desk: Desk) -> None:
    said = desk.run("--agreement", str(desk.unhardened()), "--only", "A4", "--out", str(desk.out), "--json")
    assert said.code == 1
    assert re.fullmatch(r"Error: attack suite: Not passed: A4, Similarity leak\.\n.{10,}\.\n", said.err)
    assert json.loads(said.out) == desk.figures()
    assert desk.figures()["passed"] is False
    assert desk.figures()["findings"][0]["verdict"] == "broken"
    assert "Not passed: A4, Similarity leak" in text_of(desk.page())
    assert "not hardened" in text_of(desk.page())


def test_the_title_of_an_agreement_is_text_and_not_markup(desk: Desk) -> None:
    path = desk.agreement(title='"<b>Our</b> children & theirs"')
    assert desk.run("--agreement", str(path), "--only", "A10", "--out", str(desk.out)).code == 0
    assert "&lt;b&gt;Our&lt;/b&gt; children &amp; theirs" in desk.page()


@pytest.mark.parametrize(
    ("words", "what"),
    [
        (["--rows", "999"], "999 rows are too few"),
        (["--population", "1999"], "is shorter than the 2,000 rows"),
        (["--scenario", "worst"], "There is no scenario worst."),
        (["--only", "A99"], "There is no attack A99."),
        (["--agreement", "nowhere.toml"], "there is no such file"),
    ],
)
def test_words_that_do_not_fit_are_refused_and_nothing_is_written(desk: Desk, words: list[str], what: str) -> None:
    said = desk.run(*words, "--out", str(desk.out))
    assert (said.code, said.out) == (1, "")
    assert re.fullmatch(r"Error: .+\n.{10,}\.\n", said.err), said.err
    assert what in said.err
    assert list(desk.folder.iterdir()) == []


@pytest.mark.parametrize("name", ["attack.html", "attack.json"])
def test_what_is_there_is_not_replaced(desk: Desk, name: str) -> None:
    desk.out.mkdir()
    (desk.out / name).write_text("mine")
    said = desk.run("--only", "A10", "--out", str(desk.out))
    assert (said.code, said.out) == (1, "")
    assert "This file exists already." in said.err
    assert [path.name for path in desk.out.iterdir()] == [name]
    assert (desk.out / name).read_text() == "mine"


def test_a_page_that_cannot_be_made_leaves_nothing(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> str:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("services.assurance.attack_cli.attack_page", fail)
    assert desk.run("--only", "A10", "--out", str(desk.out)).code == 1
    assert list(desk.folder.iterdir()) == []


def test_the_how_to_works_as_it_stands(desk: Desk) -> None:
    """With the quickest attack alone: what all of them get is for ``make attack`` to say."""
    desk.agreement()
    lines = "".join(re.findall(r"```sh\n(.*?)```", HOW_TO.read_text(encoding="utf-8"), re.DOTALL)).splitlines()
    commands = [shlex.split(line) for line in lines if line.startswith("counterfoil-broker attack")]
    assert len(commands) >= 2
    for words in commands:
        assert desk.run(*words[2:], "--only", "A10").code == 0
