"""Linkage quality as Markdown: programs beside each other, kinds of children, and hard cases."""

from collections.abc import Mapping
from typing import Any

from benchmarks.groups import HARD_CASES, SUBGROUPS, WITHOUT_NUMBER
from benchmarks.printing import markdown, percent

HEADS = (
    *("program", "F1", "precision", "recall", "best F1", "estimated precision, recall", "false among twins"),
    "adopted, linked",
)
COMPARED = ("ours", "Splink, names together")
"""Whose groups are told."""


def tables(found: dict[str, Any]) -> list[str]:
    """Lines of Markdown."""
    lines = list(found["notes"])
    for name, one in found["data"].items():
        rows, others = one["rows"]
        times = f", {one['seeds']} times" if one["seeds"] > 1 else ""
        lines += ["", f"{name}, {rows:,} x {others:,} rows{times}, {one['true_links']:,} true links", ""]
        lines += markdown(HEADS, [_cells(program, figures) for program, figures in one["programs"].items()])
        groups = {program: figures["groups"] for program in COMPARED if "groups" in (figures := _of(one, program))}
        if groups and not name.startswith("three holders"):
            lines += ["", f"{name}, kinds of children", "", *_subgroups(groups)]
            lines += ["", f"{name}, recall of hard cases", "", *_hard_cases(groups)]
    return lines


def _of(one: dict[str, Any], program: str) -> dict[str, Any]:
    figures: dict[str, Any] = one["programs"].get(program, {})
    return figures


def _cells(program: str, figures: dict[str, Any]) -> tuple[str, ...]:
    estimated = [figures[f"estimated_{what}"] for what in ("precision", "recall")]
    twins = adopted = ""
    if "twins" in figures:
        share = percent(figures["twin_share"])
        twins = f"{figures['false_links_among_twins']} of {figures['twins']:,} ({share})"
    if "adopted_pairs" in figures:
        adopted = f"{figures['adopted_pairs_linked']} of {figures['adopted_pairs']}"
    return (
        program,
        *(_with_interval(figures, what) for what in ("f1", "precision", "recall")),
        f"{figures['best_f1']:.3f}",
        "" if None in estimated else ", ".join(f"{share:.3f}" for share in estimated),
        twins,
        adopted,
    )


def _subgroups(groups: Mapping[str, dict[str, Any]]) -> list[str]:
    heads = [
        "children",
        "true links",
        *(f"{program}: {what}" for program in groups for what in ("recall", "precision")),
    ]
    rows = []
    for label in SUBGROUPS:
        each = [one[label] for one in groups.values()]
        cells = [_with_interval(one, what) for one in each for what in ("recall", "precision")]
        rows.append([label, f"{each[0]['true_links']:,}", *cells])
    return markdown(heads, rows)


def _hard_cases(groups: Mapping[str, dict[str, Any]]) -> list[str]:
    """Where both records have the NHS number every case is easy, so those without it stand beside all."""
    heads = ["either record has", "true links", *groups, f"of these{WITHOUT_NUMBER}", *groups]
    rows = []
    for label in ("all children", *HARD_CASES):
        cells = []
        for one in (label, label + WITHOUT_NUMBER):
            each = [of_program[one] for of_program in groups.values()]
            cells += [f"{each[0]['true_links']:,}", *(_with_interval(of_program, "recall") for of_program in each)]
        rows.append([label, *cells])
    return markdown(heads, rows)


def _with_interval(figures: dict[str, Any], what: str) -> str:
    if figures[what] is None:
        return ""
    low, high = figures[f"{what}_interval"]
    return f"{figures[what]:.3f} ({low:.3f} to {high:.3f})"
