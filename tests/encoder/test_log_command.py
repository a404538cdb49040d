"""``counterfoil log verify`` and ``show`` as transcripts: the file and the cards, no broker, no network."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from encoder.cli import app
from encoder.errors import InputError
from keys.canonical import canonical
from keys.errors import AgreementError, CounterfoilError, LogError
from keys.log import Log
from tests.doors import folder, identity, signed, small_terms
from tests.logbook import agreement, kept, whole


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """The log, the agreement and every card, as files."""
    write(tmp_path / "log.json", replace(whole(), countersigned=(whole().newest.countersigned(identity("icb-lead")),)))
    (tmp_path / "agreement.json").write_bytes(canonical(agreement().to_json()))
    for party in agreement().parties:
        (tmp_path / f"{party.name}.card.json").write_bytes(canonical(party.card.to_json()))
    return tmp_path


def write(path: Path, log: Log) -> str:
    path.write_bytes(canonical(log.to_json()))
    return str(path)


def run(*arguments: str) -> str:
    done = CliRunner().invoke(app, ["log", *arguments])
    if done.exception is not None:
        raise done.exception
    return done.stdout


def edited(position: int, **more: Any) -> Log:
    """Written anew by the broker with one entry changed."""
    facts = [entry.facts for entry in whole().entries]
    facts[position] = {**facts[position], **more}
    return kept(facts)


def test_a_good_log_is_vouched_for_by_those_who_countersigned(files: Path) -> None:
    told = run("verify", str(files / "log.json"), "--agreement", str(files / "agreement.json"))
    assert told == (
        f"{files / 'log.json'}: 17 entries of agreement {agreement().id[:16]}, all of them as the broker signed them "
        "and as the protocol allows\n"
        f"  root {whole().newest.checkpoint.root.hex()}\n"
        "  countersigned by icb-lead up to entry 17\n"
    )


def test_the_agreement_in_ones_own_folder_is_taken_by_its_name_too(files: Path) -> None:
    own = folder(files / "icb", agreement()).agreement
    log = str(files / "log.json")
    assert run("verify", log, "--agreement", str(own)) == run(
        "verify", log, "--agreement", str(files / "agreement.json")
    )


def test_the_cards_alone_suffice(files: Path) -> None:
    cards = [part for party in agreement().parties for part in ("--card", str(files / f"{party.name}.card.json"))]
    (told,) = json.loads(run("verify", str(files / "log.json"), *cards, "--json"))
    assert (told["entries"], told["countersigned"]) == (17, {"icb-lead": 17})
    with pytest.raises(InputError, match="The card of recipient"):
        run("verify", str(files / "log.json"), *cards[:-2])


def test_the_agreement_that_was_signed_decides_whose_log_it_is(files: Path) -> None:
    other = files / "other.json"
    other.write_bytes(canonical(signed(small_terms(title="Another")).to_json()))
    with pytest.raises(AgreementError, match="log is of another agreement"):
        run("verify", str(files / "log.json"), "--agreement", str(other))


def test_an_edited_file_is_refused_by_the_number_of_its_entry(files: Path) -> None:
    path = files / "log.json"
    path.write_text(path.read_text().replace('"upload":"icb-2"', '"upload":"icb-3"', 1))
    with pytest.raises(LogError) as error:
        run("verify", str(path), "--agreement", str(files / "agreement.json"))
    assert error.value.where == f"{path}, entry 10"
    assert error.value.exit_code == 1


def test_a_kept_checkpoint_shows_that_the_broker_wrote_its_log_anew(files: Path) -> None:
    note = files / "icb.note"
    note.write_text(whole().entries[11].checkpoint.countersigned(identity("icb")).note())
    path = write(files / "new.json", edited(4, content_digest="sha-256=:CC==:"))
    assert "countersigned by nobody" in run("verify", path, "--agreement", str(files / "agreement.json"))
    with pytest.raises(LogError):
        run("verify", path, "--agreement", str(files / "agreement.json"), "--checkpoint", str(note))


def test_the_checkpoint_in_ones_own_folder_is_used_unasked(files: Path) -> None:
    workspace = folder(files / "icb", agreement())
    workspace.checkpoint.write_text(whole().newest.countersigned(identity("icb")).note())
    assert "17 entries" in run("verify", str(files / "log.json"), "--folder", str(workspace.root))
    path = write(files / "new.json", edited(16, note="nothing"))
    with pytest.raises(LogError, match="was changed since"):
        run("verify", path, "--folder", str(workspace.root))


def test_two_files_are_compared(files: Path) -> None:
    log, options = str(files / "log.json"), ("--agreement", str(files / "agreement.json"))
    shorter = write(files / "shorter.json", replace(whole(), entries=whole().entries[:9]))
    assert run("verify", log, shorter, *options).endswith("The files are one and the same log.\n")
    fork = write(files / "fork.json", edited(9, content_digest="sha-256=:BB==:"))
    with pytest.raises(LogError, match="two different logs") as error:
        run("verify", log, fork, *options)
    assert str(error.value.where).endswith("entry 10")


def test_show_tells_what_happened_one_line_an_entry(files: Path) -> None:
    lines = run("show", str(files / "log.json")).splitlines()
    assert len(lines) == 17
    assert lines[0] == "   1  2026-06-01 12:00:00 UTC  agreement received    by council"
    assert "release refused       by icb-lead, run run-1, statement signed by" in lines[7]
    of_run = json.loads(run("show", str(files / "log.json"), "--run", "run-2", "--json"))
    assert [one["entry"] for one in of_run] == [11, 12, 13, 14, 15, 16]


def test_show_refuses_what_does_not_hold_together(files: Path) -> None:
    path = files / "log.json"
    path.write_text(path.read_text().replace("run-1", "run-9", 1))
    with pytest.raises(LogError):
        run("show", str(path))


@pytest.mark.parametrize("content", [b"", b"{}", b"[]", b"\xff", b'{"counterfoil":"audit log"}'])
def test_another_file_is_named_as_such(files: Path, content: bytes) -> None:
    (files / "other").write_bytes(content)
    with pytest.raises(CounterfoilError) as error:
        run("verify", str(files / "other"), "--agreement", str(files / "agreement.json"))
    assert str(files / "other") in str(error.value.where)


def test_a_file_that_is_no_checkpoint_is_named(files: Path) -> None:
    with pytest.raises(InputError, match="not a checkpoint"):
        run(
            "verify",
            str(files / "log.json"),
            "--agreement",
            str(files / "agreement.json"),
            "--checkpoint",
            str(files / "agreement.json"),
        )
