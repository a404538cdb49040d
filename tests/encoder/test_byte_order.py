"""Nothing that is hashed, sealed or sent takes its byte order from the processor.

There is no machine with another order to try it on, so the source is read: wherever numpy takes bytes for numbers of
several bytes, or the reverse, the order must be written down.
"""

import ast
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from keys.layout import open_release_record, release_record, upload_record
from tests.doors import small_terms

ROOT = Path(__file__).parents[2]
FILES = sorted(path for room in ("keys", "encoder") for path in (ROOT / room).rglob("*.py"))
SINGLE_BYTES = {"np.uint8", "np.bool_", "record"}


def types_of_bytes(tree: ast.AST) -> Iterator[ast.expr]:
    """The type that each ``frombuffer`` and ``view`` of numpy's is told."""
    for node in ast.walk(tree):
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)):
            continue
        told = [*node.args[1:2], *(word.value for word in node.keywords if word.arg == "dtype")]
        if node.func.attr == "frombuffer":
            yield told[0]
        elif node.func.attr == "view":
            yield node.args[0]


def has_order(told: ast.expr) -> bool:
    if isinstance(told, ast.Constant):
        return str(told.value)[0] in "<>"
    return ast.unparse(told) in SINGLE_BYTES


def test_every_number_of_several_bytes_has_an_order() -> None:
    found = [(path.name, told) for path in FILES for told in types_of_bytes(ast.parse(path.read_text("utf-8")))]
    assert len(found) > 10
    assert [(name, ast.unparse(told)) for name, told in found if not has_order(told)] == []


@pytest.mark.parametrize(
    ("source", "orders"),
    [
        ("np.frombuffer(x, '<u2')", [True]),
        ("np.frombuffer(x, dtype=np.uint8)", [True]),
        ("np.frombuffer(x, np.uint32)", [False]),
        ("a.view('u8')", [False]),
        ("a.view(np.uint64).T", [False]),
    ],
)
def test_the_reading_of_source_sees_what_has_no_order(source: str, orders: list[bool]) -> None:
    assert [has_order(told) for told in types_of_bytes(ast.parse(source))] == orders


def test_records_are_made_of_single_bytes() -> None:
    for record in (upload_record(small_terms(), "council"), release_record(), open_release_record()):
        assert record.names
        assert {record[name].base for name in record.names} == {np.dtype(np.uint8)}
