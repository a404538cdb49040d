"""The broker's part in control rows: it binds itself to the links, then shows those of the rows that holders open.

1. With the links it commits to the link of every row, before anybody has said which rows are control rows.
2. A holder opens exactly the rows that its upload is bound to, for the links that it has seen committed.
3. Nothing of any row is shown before every holder has opened, and then of these rows alone.
4. The outcome is told from then on, as if the control rows had not been there.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from keys.agreement import Agreement
from keys.canonical import canonical, parse
from keys.control_rows import commitment, handle_digest, row_to_json
from keys.layout import HANDLE_BYTES
from keys.link_tree import LinkTree
from services.broker.errors import Refused
from services.broker.match.decided import recall
from services.broker.match.deciding import stored_link_ids, stored_seed
from services.broker.match.inputs import Inputs
from services.broker.match.spill import Spill, opened_name, shown_name


def commit(inputs: Inputs) -> str:
    """The root of the tree over the links of all rows: 64 hexadecimal digits (1)."""
    return _tree(inputs).root.hex()


def keep_opened(inputs: Inputs, holder: int, *, handles: list[str], salt: bytes, committed: str) -> None:
    """Keep which rows of a holder are control rows, by number. ``handles``: 32 hexadecimal digits each.

    Raises ``Refused`` unless they are rows of its upload, as many as the agreement says and each once, and those that
    the upload is bound to by ``committed`` (2).
    """
    rows = inputs.agreement.terms.control.rows
    try:
        raw = [bytes.fromhex(one) for one in handles]
    except ValueError:
        raise _not_those() from None
    if len(set(raw)) != rows or len(raw) != rows or {len(one) for one in raw} != {HANDLE_BYTES}:
        raise _not_those()
    if commitment(salt, [handle_digest(one) for one in raw]) != committed:
        raise _not_those()
    numbers = _numbers(inputs.handles(holder), raw)
    spill = Spill(inputs.office, inputs.run, inputs.agreement.id)
    spill.put(opened_name(inputs.run, holder), rows=numbers, salt=np.frombuffer(salt, np.uint8))


def show(inputs: Inputs) -> dict[str, Any]:
    """Write what every holder may see of the control rows of all (3); the outcome without them (4)."""
    spill, names = Spill(inputs.office, inputs.run, inputs.agreement.id), _names(inputs.agreement)
    opened = [spill.get(opened_name(inputs.run, holder)) for holder in range(len(names))]
    tree = _tree(inputs)
    document = {
        name: {
            "salt": one["salt"].tobytes().hex(),
            "rows": [row_to_json(tree.open(holder, row)) for row in one["rows"].tolist()],
        }
        for holder, (name, one) in enumerate(zip(names, opened, strict=True))
    }
    spill.put(shown_name(inputs.run), document=np.frombuffer(canonical(document), np.uint8))
    decided = recall(spill, inputs.run, len(names))
    return decided.without([one["rows"] for one in opened]).describe(inputs.agreement.terms)


def shown(inputs: Inputs) -> Any:
    """What ``show`` wrote: holder -> its control rows as they are opened to the others."""
    spill = Spill(inputs.office, inputs.run, inputs.agreement.id)
    return parse(spill.get(shown_name(inputs.run))["document"].tobytes(), where="control rows")


def _tree(inputs: Inputs) -> LinkTree:
    office, run, agreement, holders = inputs.office, inputs.run, inputs.agreement.id, len(inputs.rows)
    link_ids = stored_link_ids(office, run, agreement, holders)
    handles = [inputs.handles(holder) for holder in range(holders)]
    return LinkTree(handles, link_ids, seed=stored_seed(office, run, agreement))


def _names(agreement: Agreement) -> list[str]:
    return [holder.name for holder in agreement.terms.holders]


def _numbers(handles: NDArray[np.uint8], wanted: list[bytes]) -> NDArray[np.int64]:
    """The row of each handle, int64 (wanted,)."""
    whole = handles.tobytes()
    place = {whole[at : at + HANDLE_BYTES]: at // HANDLE_BYTES for at in range(0, len(whole), HANDLE_BYTES)}
    try:
        return np.array([place[one] for one in wanted], dtype=np.int64)
    except KeyError:
        raise _not_those() from None


def _not_those() -> Refused:
    return Refused(
        "These are not the control rows that the upload is bound to.",
        remedy="Open them with `counterfoil controls`, in the folder in which the upload was encoded.",
    )
