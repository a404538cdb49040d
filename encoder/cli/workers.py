"""The option that says on how many cores rows are encoded."""

from typing import Annotated

import typer

WorkersOption = Annotated[
    int | None,
    typer.Option("--workers", min=1, help="Threads that encode; else one per core. The encodings are the same."),
]
