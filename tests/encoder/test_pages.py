"""The pages that repeat what the tool says are what it says."""

import ast
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.encoder.pages import AROUND, PAGES, REFERENCE
from tests.encoder.test_read import FILES


@pytest.mark.parametrize(("file", "page"), PAGES.items())
def test_a_page_is_what_the_tool_says(file: str, page: Callable[[], str]) -> None:
    assert (REFERENCE / file).read_text(encoding="utf-8") == page()


def test_every_bad_file_is_on_the_page() -> None:
    text = (REFERENCE / "bad-input.md").read_text(encoding="utf-8")
    assert [name for name in sorted(FILES) if f"`{name}`" not in text] == []


@pytest.mark.parametrize(("file", "test"), [(file, test) for _, _, file, test in AROUND])
def test_every_test_on_the_page_is_there(file: str, test: str) -> None:
    tree = ast.parse((Path(__file__).parent / file).read_text(encoding="utf-8"))
    assert test in {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
