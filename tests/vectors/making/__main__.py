"""Write the vectors of ``tests/vectors/keys``: ``python -m tests.vectors.making``."""

from pathlib import Path

from tests.vectors.making.make import write

write(Path(__file__).parents[1] / "keys")
