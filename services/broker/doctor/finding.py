"""One thing that was looked at."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Finding:
    """Well without a ``remedy``; with one, wrong if it ``blocks`` and else something to look at."""

    name: str
    found: str
    remedy: str = ""
    blocks: bool = False

    @property
    def mark(self) -> str:
        return ("WRONG" if self.blocks else "look") if self.remedy else "ok"


def wrong(name: str, found: str, remedy: str) -> Finding:
    return Finding(name, found, remedy, blocks=True)
