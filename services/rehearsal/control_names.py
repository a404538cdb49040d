"""The names of control rows: ``python -m services.rehearsal.control_names`` writes ``encoder/control_names.toml``.

They are those of Faker's lists as ``communities`` ranks them, each community by its share of the households and its
most common names first. The file is part of the protocol: with other names in it, control rows would be others.
"""

from __future__ import annotations

from pathlib import Path

from services.rehearsal.communities import Community, communities

FILE = Path(__file__).parents[2] / "encoder" / "control_names.toml"
FORENAMES, SURNAMES = 240, 320
"""So many of each list: enough that children differ, few enough that names repeat as they do in a real file."""

_HEAD = """# Names of control rows, the most common first, of Faker's lists: python -m services.rehearsal.control_names
# Part of the protocol: with other names in it, control rows would be others.
"""


def text() -> str:
    """The file: ``girls``, ``boys`` and ``surnames``, as TOML."""
    lists = {
        "girls": _share(FORENAMES, [(one, one.girls.names.tolist()) for one in communities()]),
        "boys": _share(FORENAMES, [(one, one.boys.names.tolist()) for one in communities()]),
        "surnames": _share(SURNAMES, [(one, one.surnames.names.tolist()) for one in communities()]),
    }
    return _HEAD + "".join(f"\n{name} = [\n{_lines(names)}]\n" for name, names in lists.items())


def _share(count: int, lists: list[tuple[Community, list[str]]]) -> list[str]:
    """About so many distinct names of letters alone: the first ones of each community by its share, in turn by it."""
    ranked = []
    for community, names in lists:
        taken = [name for name in names if name.isalpha()][: max(1, round(count * community.share))]
        ranked += [((rank + 0.5) / len(taken), name) for rank, name in enumerate(taken)]
    return list(dict.fromkeys(name for _, name in sorted(ranked)))


def _lines(names: list[str]) -> str:
    rows = [names[at : at + 8] for at in range(0, len(names), 8)]
    return "".join("    " + " ".join(f'"{name}",' for name in row) + "\n" for row in rows)


if __name__ == "__main__":
    FILE.write_text(text(), encoding="utf-8", newline="\n")
