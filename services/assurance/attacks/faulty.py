"""Encoders with one fault each, for the detectors to fire on. Never to be used for anything else."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from encoder.clk import base_filters
from encoder.harden import draw, harden
from encoder.identifiers import Column
from encoder.match_keys import base_schema
from keys.derive import Label, subkey
from keys.secret import Secret
from keys.terms import FuzzyKey, Hardening, Terms
from services.assurance.attacks.faults import Bits, Coder, Ours


@dataclass(frozen=True)
class _Faulty(Ours):
    """Ours, with a draw that subclasses spoil."""

    @property
    def hardening(self) -> Hardening:
        hardening = self.terms.encoding.hardening
        if hardening is None:
            raise ValueError("there is no hardening to spoil")
        return hardening

    def drawn(self, seed: bytes) -> NDArray[np.int32]:
        return draw(key=seed, base_length=self.terms.encoding.length, t=self.hardening.t, length=self.hardening.length)

    def selection(self, key: FuzzyKey, secret: Secret) -> NDArray[np.int32]:
        return self.drawn(subkey(secret, Label.HARDENING, context=key.name))

    def encode(self, columns: Sequence[Column], key: FuzzyKey, secret: Secret) -> Bits:
        return harden(self.base(columns, key, secret), self.selection(key, secret))


class OneMask(_Faulty):
    """Every row is turned over by the same mask: distances between rows stay as they were."""

    def encode(self, columns: Sequence[Column], key: FuzzyKey, secret: Secret) -> Bits:
        base = self.base(columns, key, secret)
        times = -(-self.hardening.length // (8 * base.shape[1]))
        repeated = np.tile(base, times)[:, : self.hardening.length // 8]
        mask = np.random.default_rng(list(subkey(secret, Label.HARDENING, context=key.name)))
        return repeated ^ mask.integers(0, 256, size=repeated.shape[1], dtype=np.uint8)


class NoKey(_Faulty):
    """The draw is the same for every secret."""

    def selection(self, key: FuzzyKey, secret: Secret) -> NDArray[np.int32]:
        return self.drawn(key.name.encode().ljust(32, b"."))


class OneAgreement(_Faulty):
    """The draw does not depend on the agreement."""

    def selection(self, key: FuzzyKey, secret: Secret) -> NDArray[np.int32]:
        return super().selection(key, Secret(secret.key(), agreement="any"))


class OneMatchKey(_Faulty):
    """Every match-key has the same draw."""

    def selection(self, key: FuzzyKey, secret: Secret) -> NDArray[np.int32]:
        return self.drawn(subkey(secret, Label.HARDENING))


class Modulo(_Faulty):
    """Numbers below n are bytes modulo n, and none is thrown away."""

    def selection(self, key: FuzzyKey, secret: Secret) -> NDArray[np.int32]:
        numbers = _bytes(subkey(secret, Label.HARDENING, context=key.name))
        pool: list[int] = []
        selection = np.empty((self.hardening.length, self.hardening.t), np.int32)
        for bit in range(len(selection)):
            taken: list[int] = []
            while len(taken) < self.hardening.t:
                pool = pool or [one for one in range(self.terms.encoding.length) if one not in taken]
                nth = next(numbers) % len(pool)
                taken.append(pool[nth])
                pool[nth] = pool[-1]
                pool.pop()
            selection[bit] = taken
        return selection


class OneField(_Faulty):
    """All fields of a match-key are hashed under the key of its first."""

    def base(self, columns: Sequence[Column | None], key: FuzzyKey, secret: Secret) -> Bits:
        found: Bits | None = None
        for feature, column in zip(key.features, columns, strict=True):
            if column is None:
                continue
            first = feature.model_copy(update={"field": key.features[0].field})
            alone = key.model_copy(update={"features": (first, *key.features[1:])})
            schema = base_schema(alone, self.terms.encoding)
            slots = [column, *[None] * (len(key.features) - 1)]
            filters = base_filters(slots, schema, secret=subkey(secret, Label.BASE_FILTER, context=key.name))
            found = filters if found is None else found | filters
        if found is None:
            raise ValueError("no column")
        return found


FAULTS: Mapping[str, type[_Faulty]] = {
    "one mask for all rows": OneMask,
    "a draw without a secret": NoKey,
    "one draw for all agreements": OneAgreement,
    "one draw for all match-keys": OneMatchKey,
    "numbers taken modulo": Modulo,
    "one key for all fields": OneField,
}


def faulty(terms: Terms) -> dict[str, Coder]:
    """One encoder for each fault."""
    return {name: kind(terms) for name, kind in FAULTS.items()}


def _bytes(seed: bytes) -> Iterator[int]:
    rng = np.random.default_rng(list(seed))
    while True:
        yield from rng.bytes(1 << 12)
