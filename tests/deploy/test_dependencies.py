"""The page on dependencies: it lists just what pyproject.toml names, and says how to leave what nobody keeps up."""

from __future__ import annotations

import re
import tomllib
from datetime import date

import pytest

from deploy.release import ROOT

PAGE = (ROOT / "docs" / "reference" / "dependencies.md").read_text(encoding="utf-8")
ROWS = re.findall(r"^\| ([a-z0-9-]+) \| (.+) \| (.+) \| (\d{4})-(\d{2}) \|$", PAGE, re.MULTILINE)
AS_OF = date(2026, 11, 1)


def named() -> set[str]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    wanted = [*project["dependencies"], *(one for group in project["optional-dependencies"].values() for one in group)]
    names = {re.split(r"[\[<>=!~; ]", one)[0].lower() for one in wanted}
    return names - {"counterfoil"}


def test_every_direct_dependency_is_on_the_page_once_and_no_other() -> None:
    listed = [name for name, *_ in ROWS]
    assert sorted(listed) == sorted(named())


@pytest.mark.parametrize(
    "name", [name for name, _, _, year, month in ROWS if (AS_OF - date(int(year), int(month), 1)).days > 3 * 365]
)
def test_whatever_had_no_release_for_three_years_has_a_way_out(name: str) -> None:
    (said,) = re.findall(rf"^\*\*{name}\*\*(.*?)(?:\n\n|\Z)", PAGE, re.MULTILINE | re.DOTALL)
    assert "To leave: " in said
    for module in re.findall(r"`([a-z]+/_[a-z]+\.py)`", said):
        assert (ROOT / module).is_file()


def test_clkhash_and_anonlink_are_the_ones() -> None:
    old = {name for name, _, _, year, month in ROWS if (AS_OF - date(int(year), int(month), 1)).days > 3 * 365}
    assert old == {"clkhash", "anonlink"}
