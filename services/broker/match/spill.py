"""Pairs and link ids of a run on disk between its steps, sealed, in arrays of fixed size.

They are sealed under a key derived from the agreement's receiving key, so that destroying that key destroys them too.
Whoever does a task writes the same files with the same content, whatever its memory and its cores: a task that is done
twice, also at the same time, is done once.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from matcher.pairs import Pairs, join
from services.broker.office import Office

PAIRS_PER_FILE = 1 << 22
"""So many pairs, of 12 bytes, wait in memory at most before they are written."""


class Spill:
    """The files of one run of ``agreement``."""

    def __init__(self, office: Office, run: str, agreement: str) -> None:
        self._office = office
        self._run = run
        self._key = office.receiving_key(agreement).storage_key("runs")

    def write(self, task: int, found: Iterable[Pairs]) -> int:
        """Write the pairs of a task as they come, in their order; how many there were."""
        waiting: list[Pairs] = []
        held = written = 0
        for piece in found:
            waiting.append(piece)
            held += len(piece)
            while held >= PAIRS_PER_FILE:
                whole = join(waiting)
                self._put_pairs(task, written // PAIRS_PER_FILE, whole.take(slice(0, PAIRS_PER_FILE)))
                waiting = [whole.take(slice(PAIRS_PER_FILE, None))]
                written += PAIRS_PER_FILE
                held -= PAIRS_PER_FILE
        if held:
            self._put_pairs(task, written // PAIRS_PER_FILE, join(waiting))
        return written + held

    def read(self, task: int, pairs: int) -> Iterator[Pairs]:
        """The pairs of a task that found ``pairs``, a file at a time."""
        for number in range(-(-pairs // PAIRS_PER_FILE)):
            arrays = self.get(pairs_name(self._run, task, number))
            yield Pairs(arrays["left"], arrays["right"], arrays["similarity"])

    def put(self, name: str, **arrays: NDArray[Any]) -> None:
        """Seal arrays into a file; one of that name is replaced as a whole."""
        stream = io.BytesIO()
        np.savez(stream, allow_pickle=False, **arrays)
        self._office.storage.put_sealed(name, stream.getvalue(), key=self._key, random=self._office.random)

    def get(self, name: str) -> dict[str, NDArray[Any]]:
        """What ``put`` sealed. Raises ``EnvelopeError`` for a file that is damaged or in the wrong place."""
        data = self._office.storage.get_sealed(name, key=self._key)
        with np.load(io.BytesIO(data), allow_pickle=False) as archive:
            return dict(archive)

    def _put_pairs(self, task: int, number: int, pairs: Pairs) -> None:
        name = pairs_name(self._run, task, number)
        self.put(name, left=pairs.left, right=pairs.right, similarity=pairs.similarity)


def forget_pairs(office: Office, run: str, found: Mapping[int, int]) -> None:
    """Remove the pairs of tasks, by task how many it found: once the links are decided nobody needs them.

    Needs no key, so that it can be done after the agreement's key was destroyed.
    """
    for task, pairs in found.items():
        for number in range(-(-pairs // PAIRS_PER_FILE)):
            office.storage.remove(pairs_name(run, task, number))


def pairs_name(run: str, task: int, number: int) -> str:
    """Where a file of pairs lies in the storage."""
    return f"runs/{run}/pairs-{task:06d}-{number:04d}"


def link_ids_name(run: str) -> str:
    """Where the link ids of all rows lie in the storage."""
    return f"runs/{run}/link-ids"


def decided_name(run: str) -> str:
    """Where that lies from which the outcome is told once control rows are opened."""
    return f"runs/{run}/decided"


def opened_name(run: str, holder: int) -> str:
    """Where it lies which rows of a holder are control rows."""
    return f"runs/{run}/opened-{holder}"


def shown_name(run: str) -> str:
    """Where that lies which holders see of each other's control rows."""
    return f"runs/{run}/shown"
