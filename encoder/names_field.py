"""The derived identifier ``names``: forename and surname in one string."""

import numpy as np

from encoder.identifiers import Column, Identifiers


def with_names(identifiers: Identifiers) -> Identifiers:
    """Add ``names`` where forename and surname are both columns: their parts, a space between; either may be missing.

    Names in either order share all bigrams but those across the join, so swapped columns still agree.
    """
    forename, surname = identifiers.columns.get("forename"), identifiers.columns.get("surname")
    if forename is None or surname is None:
        return identifiers
    pairs = forename.codes.astype(np.int64) * max(1, len(surname.values)) + surname.codes
    distinct, codes = np.unique(pairs, return_inverse=True)
    first, second = np.divmod(distinct, max(1, len(surname.values)))
    values = tuple(
        " ".join(part for part in (forename.values[a], surname.values[b]) if part)
        for a, b in zip(first.tolist(), second.tolist(), strict=True)
    )
    names = Column(codes.reshape(-1).astype(np.int32), values)
    return Identifiers(identifiers.rows, {**identifiers.columns, "names": names})
