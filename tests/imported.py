"""What the modules of a room import."""

from __future__ import annotations

import ast
from collections.abc import Iterable
from pathlib import Path

ROOT = Path(__file__).parents[1]


def packages(rooms: Iterable[str]) -> set[str]:
    """The packages that any module in these folders of the project imports, Python's own among them."""
    found = set()
    for room in rooms:
        for module in (ROOT / room).rglob("*.py"):
            for one in ast.walk(ast.parse(module.read_text(encoding="utf-8"))):
                if isinstance(one, ast.Import):
                    found |= {name.name.partition(".")[0] for name in one.names}
                elif isinstance(one, ast.ImportFrom):
                    found.add(str(one.module).partition(".")[0])
    return found
