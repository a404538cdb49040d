"""An upload as the broker receives it, with all its records at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from keys.agreement import Agreement, Party
from keys.receiving import ReceivingKey
from services.broker.uploads.receive import receive


@dataclass(frozen=True, repr=False)
class Whole:
    """What ``receive`` gives, and the records that pass by then."""

    rows: int
    key_check: str
    conformance: str
    control_rows: str | None
    records: NDArray[np.void]


def receive_whole(stream: BinaryIO, *, agreement: Agreement, holder: Party, key: ReceivingKey) -> Whole:
    came = receive(stream, agreement=agreement, holder=holder, key=key)
    return Whole(came.rows, came.key_check, came.conformance, came.control_rows, np.concatenate(list(came.blocks())))
