"""Print what a benchmark found: as one JSON object, or a line for each figure."""

import json
from collections.abc import Mapping
from typing import Any


def show(figures: Mapping[str, Any], *, as_json: bool) -> None:
    if as_json:
        print(json.dumps(figures))
        return
    for name, figure in figures.items():
        if isinstance(figure, list) and figure and isinstance(figure[0], Mapping):
            print(name)
            print("\n".join("    " + ", ".join(f"{what} {value}" for what, value in row.items()) for row in figure))
        else:
            print(f"{name:22} {figure}")
