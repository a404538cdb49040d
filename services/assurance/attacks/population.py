"""The setting of an attack: a list of children that the attacker knows, and some of them encoded under another secret.

It is as bad as it gets for the victim: the attacker knows how everybody is spelt, knows the agreement and so every
choice of the encoding but the secret, and its list has whole households in it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from encoder.columns import Columns
from encoder.identifiers import Identifiers
from encoder.match_keys import encoders, rows_of
from encoder.normalise import normalise
from encoder.read import Batch
from keys.secret import CONTRIBUTION_BYTES, Secret
from keys.terms import Terms
from matcher.encodings import Encodings
from services.rehearsal.children import Population, make_children

_TODAY = date(2025, 9, 1)
_FIELDS = ("forename", "surname", "sex", "date_of_birth", "postcode", "nhs_number", "upn")
_AGREEMENT_BYTES = 32


@dataclass(frozen=True, repr=False)
class Setting:
    """What each side has. ``victim`` and ``own`` are encodings by match-key, in one order of rows each.

    ``truth`` is int64 (victim rows,): the row of ``own`` that is the same child. ``identifiers`` are those of the
    attacker's list, in the order of ``own``. Nothing but ``victim`` and ``own`` (and ``identifiers``, for an attack
    that reads plaintext) may be given to an attack.
    """

    victim: Mapping[str, Encodings]
    own: Mapping[str, Encodings]
    truth: NDArray[np.int64]
    identifiers: Identifiers

    def __repr__(self) -> str:
        return f"Setting(victims={len(self.truth)}, list={self.identifiers.rows})"


def setting(terms: Terms, *, population: int, share: float, rng: np.random.Generator) -> Setting:
    """``population`` children in whole households on the attacker's list, of whom ``share`` (0 to 1) are victims.

    Both sides are encoded under every match-key of ``terms``, exact ones too, and under two secrets that have nothing
    in common. Rows are in no order. The same state of ``rng`` gives the same bits. Raises ``ValueError`` for a share
    outside 0 to 1 or fewer than one child.
    """
    if not 0 <= share <= 1 or population < 1:
        raise ValueError(f"{population} children and a share of {share} make no setting")
    identifiers = identifiers_of(make_children(population, today=_TODAY, rng=rng, look_alikes=False), terms)
    listed = rows_of(identifiers, rng.permutation(population))
    truth = rng.permutation(population)[: round(share * population)].astype(np.int64)
    own, victim = (_encode(rows, terms, rng) for rows in (listed, rows_of(listed, truth)))
    return Setting(victim, own, truth, listed)


def own_filters(
    identifiers: Identifiers, terms: Terms, *, rng: np.random.Generator, secrets: int = 8
) -> list[dict[str, Encodings]]:
    """The attacker's list with base filters for fuzzy match-keys, under each of so many secrets of its own.

    Whoever has the plaintext knows in this way what similarity to expect of two rows, and how far it varies with the
    secret, without the noise of a hardening.
    """
    plain = terms.encoding.model_copy(update={"hardening": None, "accept_unhardened": "known to the attacker"})
    unhardened = terms.model_copy(update={"encoding": plain})
    return [_encode(identifiers, unhardened, rng) for _ in range(secrets)]


def identifiers_of(children: Population, terms: Terms) -> Identifiers:
    """The children's identifiers as a holder without a single mistake would have them, normalised by ``terms``."""
    values = {field: pa.array(getattr(children, field).astype(str).tolist(), pa.string()) for field in _FIELDS}
    numbers = np.arange(len(children), dtype=np.int64)
    batch = Batch("children", numbers, pa.array(numbers.astype(str).tolist(), pa.string()), values)
    columns = Columns.model_validate({field: field for field in _FIELDS} | {"date_order": "ymd"})
    return normalise([batch], columns, rules=terms.normalisation, today=_TODAY).identifiers


def _encode(rows: Identifiers, terms: Terms, rng: np.random.Generator) -> dict[str, Encodings]:
    secret = Secret(rng.bytes(CONTRIBUTION_BYTES), agreement=rng.bytes(_AGREEMENT_BYTES).hex())
    made = {}
    for encoder in encoders(terms.match_keys, terms=terms, secret=secret):
        encoded = encoder.encode(rows)
        made[encoder.key.name] = Encodings.from_bytes(encoded.bits, encoded.present)
    return made
