"""What is handed out: the same wheel from every place and at every time, and bills that list every locked package."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
from pathlib import Path
from zipfile import ZipFile

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from rfc3986_validator import validate_rfc3986

from deploy.release import BILLS, ROOT, build_wheel, committed_at, write_bill

AT = 1_767_225_600


def test_the_wheel_is_the_same_from_another_place_time_and_mask(tmp_path: Path) -> None:
    elsewhere = tmp_path / "some" / "other place"
    names = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True, text=True).stdout
    for name in reversed(names.split("\0")):
        if name and (ROOT / name).is_file():
            (elsewhere / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / name, elsewhere / name)
            (elsewhere / name).chmod(0o600)
            os.utime(elsewhere / name, (1_000_000_000, 1_000_000_000))
    subprocess.run(["git", "init", "--quiet"], cwd=elsewhere, check=True)
    subprocess.run(["git", "add", "--all", "--force"], cwd=elsewhere, check=True)
    first = build_wheel(ROOT, tmp_path / "first", at=AT)
    before = os.umask(0o077)
    try:
        second = build_wheel(elsewhere, tmp_path / "second", at=AT)
    finally:
        os.umask(before)
    assert first.name == second.name
    assert hashlib.sha256(first.read_bytes()).digest() == hashlib.sha256(second.read_bytes()).digest()
    with ZipFile(first) as archive:
        assert {entry.date_time for entry in archive.infolist()} == {(2026, 1, 1, 0, 0, 0)}
        assert {entry.external_attr >> 16 for entry in archive.infolist()} <= {0o100644, 0o100664}


def test_the_time_of_a_release_is_that_of_its_commit() -> None:
    assert committed_at(ROOT) > AT - 10 * 365 * 86_400


@pytest.mark.parametrize("whose", BILLS)
def test_a_bill_is_valid_and_lists_every_locked_package_with_its_hashes(whose: str, tmp_path: Path) -> None:
    lock = ROOT / BILLS[whose]
    write_bill(lock, tmp_path / "bill.json")
    text = (tmp_path / "bill.json").read_text(encoding="utf-8")
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(text) is None
    bill = json.loads(text)
    addresses = [place["url"] for one in bill["components"] for place in one["externalReferences"]]
    assert all(validate_rfc3986(one, rule="URI_reference") for one in addresses)  # which the validator leaves alone
    listed = {
        f"{one['name']}=={one['version']}": {
            digest["content"] for place in one["externalReferences"] for digest in place.get("hashes", ())
        }
        for one in bill["components"]
    }
    locked = {
        match[1]: set(re.findall(r"--hash=sha256:([0-9a-f]{64})", entry))
        for entry in re.split(r"\n(?=[a-z0-9])", lock.read_text(encoding="utf-8"))
        if (match := re.match(r"([a-z0-9._-]+(?:\[[a-z,]+\])?==[^\s;]+)", entry))
    }
    assert len(locked) > 20
    assert listed == {re.sub(r"\[.*\]", "", name): hashes for name, hashes in locked.items()}
    assert bill["metadata"]["component"]["name"] == "counterfoil"
    assert "timestamp" not in bill["metadata"]
