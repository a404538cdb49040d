"""One random link id per cluster, and one for every row that no cluster holds."""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from matcher.errors import MatcherError
from matcher.solve import Links

ID_BYTES = 16


def assign(links: Links, rows: Sequence[int], token_bytes: Callable[[int], bytes]) -> list[NDArray[np.uint8]]:
    """Give each holder one link id per row: uint8 ``(rows_of_holder, 16)``, in the order of holders in ``rows``.

    Rows of one cluster share an id and no others do. An id says nothing about the row: all 128 bits come from
    ``token_bytes``, which takes a number of bytes and must be ``secrets.token_bytes`` or as good.

    Raises MatcherError when links name rows that are not there, or when the random source repeats itself.
    """
    offset = np.concatenate([[0], np.cumsum(rows, dtype=np.int64)])
    if len(links.row) and (links.holder.max() >= len(rows) or (links.row >= np.asarray(rows)[links.holder]).any()):
        raise MatcherError(
            "The links name rows that no holder has.", remedy="Assign ids with the run's own row counts."
        )
    slot = np.full(int(offset[-1]), -1, np.int64)
    slot[offset[links.holder] + links.row] = links.cluster
    alone = slot < 0
    slot[alone] = np.arange(links.count, links.count + int(alone.sum()))
    ids = _distinct(links.count + int(alone.sum()), token_bytes)[slot]
    return [ids[offset[holder] : offset[holder + 1]] for holder in range(len(rows))]


def _distinct(count: int, token_bytes: Callable[[int], bytes]) -> NDArray[np.uint8]:
    """Draw ``count`` ids of which no two are equal: uint8 ``(count, 16)``."""
    ids = np.frombuffer(token_bytes(count * ID_BYTES), np.uint8).reshape(count, ID_BYTES)
    if len(np.unique(ids.view(f"V{ID_BYTES}"))) < count:
        raise MatcherError(
            "The random source gave the same link id twice.",
            remedy="Do not use these ids: check the machine's random source before the next run.",
        )
    return ids
