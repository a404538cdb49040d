"""What an agreement says, as people write it: every choice stated, none with a silent default.

``Terms`` is the content of the TOML file. ``agreement`` binds it to the cards of the parties.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from keys.errors import AgreementError

Text = Annotated[str, Field(max_length=2000, pattern=r"\S")]
Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,39}$")]


class IdentifierField(StrEnum):
    """Normalised fields; ``day``, ``month`` and ``year`` are the parts of ``date_of_birth``.

    ``names`` is forename and surname in one, so that swapping them costs nothing.
    """

    FORENAME = "forename"
    SURNAME = "surname"
    NAMES = "names"
    SEX = "sex"
    DAY = "day"
    MONTH = "month"
    YEAR = "year"
    DATE_OF_BIRTH = "date_of_birth"
    POSTCODE = "postcode"
    NHS_NUMBER = "nhs_number"
    UPN = "upn"


class Identifier(StrEnum):
    """What a holder may hold and declare."""

    FORENAME = "forename"
    SURNAME = "surname"
    SEX = "sex"
    DATE_OF_BIRTH = "date_of_birth"
    POSTCODE = "postcode"
    NHS_NUMBER = "nhs_number"
    UPN = "upn"


PARTS_OF_DATE = frozenset({IdentifierField.DAY, IdentifierField.MONTH, IdentifierField.YEAR})
NUMBERS = frozenset({IdentifierField.NHS_NUMBER, IdentifierField.UPN})
"""Given to one child alone."""


def fields_of(identifiers: Iterable[str]) -> frozenset[IdentifierField]:
    """The normalised fields that these identifiers give."""
    fields = {IdentifierField(identifier) for identifier in identifiers}
    if IdentifierField.DATE_OF_BIRTH in fields:
        fields |= PARTS_OF_DATE
    if {IdentifierField.FORENAME, IdentifierField.SURNAME} <= fields:
        fields.add(IdentifierField.NAMES)
    return frozenset(fields)


class Comparison(StrEnum):
    """How a feature is cut into tokens."""

    EXACT = "exact"
    UNIGRAMS = "unigrams"
    BIGRAMS = "bigrams"
    TRIGRAMS = "trigrams"
    POSITIONAL_UNIGRAMS = "positional-unigrams"
    POSITIONAL_BIGRAMS = "positional-bigrams"


class Release(StrEnum):
    """What comes back."""

    BLIND = "blind"
    OPEN = "open"
    COUNT = "count"


class _Stated(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=False, hide_input_in_errors=True)


class HolderTerms(_Stated):
    """One holder and the identifiers that it will use, and no others."""

    name: Name
    identifiers: Annotated[tuple[Identifier, ...], Field(min_length=1)]

    @property
    def fields(self) -> frozenset[IdentifierField]:
        return fields_of(self.identifiers)


class Feature(_Stated):
    """One field in a fuzzy match-key: its tokens and its number of bits in the base filter."""

    field: IdentifierField
    compare: Comparison
    bits: Annotated[int, Field(ge=1, le=4096)]


class FuzzyKey(_Stated):
    """One CLK per row over ``features``; a row with fewer than ``minimum_bits`` bits of present features has none."""

    kind: Literal["fuzzy"]
    name: Name
    minimum_bits: Annotated[int, Field(ge=1)]
    features: Annotated[tuple[Feature, ...], Field(min_length=1)]

    @property
    def fields(self) -> frozenset[IdentifierField]:
        return frozenset(feature.field for feature in self.features)

    @model_validator(mode="after")
    def _distinct(self) -> Self:
        if len(self.fields) != len(self.features):
            raise ValueError("a field stands twice in one match-key")
        if self.minimum_bits > sum(feature.bits for feature in self.features):
            raise ValueError("minimum_bits is more than all features have: no row would be encoded")
        return self


class ExactKey(_Stated):
    """One keyed hash per row over the whole tuple of ``fields``; a row that lacks one has none."""

    kind: Literal["exact"]
    name: Name
    tuple_of: Annotated[tuple[IdentifierField, ...], Field(min_length=1)]

    @property
    def fields(self) -> frozenset[IdentifierField]:
        return frozenset(self.tuple_of)

    @property
    def of_number(self) -> bool:
        """Whether it is a number that one child alone has: two different ones then contradict each other."""
        return self.fields <= NUMBERS


MatchKey = Annotated[FuzzyKey | ExactKey, Field(discriminator="kind")]


class Hardening(_Stated):
    """Diffusion: every output bit is the XOR of ``t`` base bits (Armknecht, Heng, Schnell, PoPETs 2023)."""

    method: Literal["diffusion"]
    t: Annotated[int, Field(ge=2, le=64)]
    length: Annotated[int, Field(ge=64, le=65536, multiple_of=64)]


class Encoding(_Stated):
    """The base filter and its hardening. Without hardening a reason must stand in ``accept_unhardened``."""

    length: Annotated[int, Field(ge=64, le=65536, multiple_of=64)]
    hash: Literal["blakeHash"]
    kdf_hash: Literal["SHA256", "SHA512"]
    key_size: Annotated[int, Field(ge=16, le=64)]
    hardening: Hardening | None = None
    accept_unhardened: Text | None = None

    @model_validator(mode="after")
    def _hardened_or_accepted(self) -> Self:
        if self.length & (self.length - 1):
            raise ValueError("length must be a power of two, as blakeHash needs")
        if self.hardening is None and self.accept_unhardened is None:
            raise ValueError("state hardening, or accept_unhardened with a reason")
        if self.hardening is not None and self.accept_unhardened is not None:
            raise ValueError("accept_unhardened stands beside hardening: keep one")
        if self.hardening is not None and self.hardening.t > self.length:
            raise ValueError("hardening draws more bits than the base filter has")
        return self


class Normalisation(_Stated):
    """What the parties decide about normalising. ``other_scripts``: names in other scripts than Latin stay as they are
    written, or are written in Latin letters by a fixed table. ``forename_variants``: forms of one forename (Bill,
    William) stay as they are written, or are all written as the first of them by a fixed table."""

    other_scripts: Literal["keep", "transliterate"]
    forename_variants: Literal["keep", "join"]


class Decision(_Stated):
    """When a pair is a link. ``match`` and ``possible`` are probabilities.

    ``twin_caution``: how many missed links one false link between twins outweighs (``matcher.evidence``).
    ``duplicates`` are rows of the same child in one holder's own file.
    """

    match: Annotated[float, Field(gt=0, lt=1)]
    possible: Annotated[float, Field(gt=0, lt=1)]
    twin_caution: Annotated[float, Field(ge=1, le=1_000_000)]
    chance_pairs_per_row: Annotated[float, Field(gt=0, le=100)]
    plain_floor: Annotated[float, Field(gt=0, lt=1)]
    contradicting_exact_keys: Literal["refuse", "allow"]
    rows_of_one_holder: Literal["one per link", "any number"]
    duplicates: Literal["ignore", "report", "link"]

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.possible > self.match:
            raise ValueError("possible must not be above match")
        return self

    @model_validator(mode="after")
    def _duplicates_have_room(self) -> Self:
        if self.duplicates == "link" and self.rows_of_one_holder == "one per link":
            raise ValueError('duplicates = "link" needs rows_of_one_holder = "any number"')
        return self


class Control(_Stated):
    """``rows`` made-up rows in every upload, which all holders know and the broker does not; 0: none."""

    rows: Annotated[int, Field(ge=0, le=2000, strict=True)]


class Suppression(_Stated):
    """Counts below ``below``, zero too, are not shown; others are rounded to ``round_to``."""

    below: Annotated[int, Field(ge=2)]
    round_to: Annotated[int, Field(ge=1)]


def _zoned(moment: str) -> str:
    read = datetime.fromisoformat(moment)
    if read.tzinfo is None:
        raise ValueError("write the time zone, for example 2027-03-31T00:00:00+00:00")
    try:
        read.astimezone(UTC)
    except OverflowError:
        raise ValueError("this moment is before the year 1 or after 9999") from None
    return moment


class Terms(_Stated):
    """All that the parties sign, but for their cards."""

    version: Literal[1]
    title: Text
    purpose: Text
    legal_gateway: Text
    article_6: Text
    article_9: Text
    dpia: Text
    isa: Text
    expires: Annotated[str, AfterValidator(_zoned)]
    retention_hours: Annotated[int, Field(ge=1, le=24 * 366)]
    minimum_rows: Annotated[int, Field(ge=1)]
    repeats_percent: Annotated[int, Field(ge=1, le=100)]
    release: Release
    holders: Annotated[tuple[HolderTerms, ...], Field(min_length=2)]
    encoding: Encoding
    normalisation: Normalisation
    match_keys: Annotated[tuple[MatchKey, ...], Field(min_length=1)]
    decision: Decision
    control: Control
    suppression: Suppression

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        for what, names in (
            ("holders", [holder.name for holder in self.holders]),
            ("match_keys", [key.name for key in self.match_keys]),
        ):
            if len(set(names)) != len(names):
                raise ValueError(f"a name stands twice in {what}")
        for key in self.match_keys:
            if key.name == "handle":
                raise ValueError("a match-key may not have the name handle, which is a field of every upload")
            if sum(key.fields <= holder.fields for holder in self.holders) < 2:
                raise ValueError(f"match-key {key.name} has fields that fewer than two holders have")
        return self

    def holder(self, name: str) -> HolderTerms:
        """The terms of one holder. Raises ``AgreementError`` for a name that is not in the agreement."""
        for holder in self.holders:
            if holder.name == name:
                return holder
        raise AgreementError(
            f"{name} is not a holder in this agreement.",
            remedy="Use the agreement that names this holder: " + ", ".join(h.name for h in self.holders) + ".",
        )

    @property
    def numbers(self) -> list[str]:
        """The exact match-keys of a number that one child alone has, by name."""
        return [key.name for key in self.match_keys if isinstance(key, ExactKey) and key.of_number]

    def keys_of(self, name: str) -> tuple[FuzzyKey | ExactKey, ...]:
        """The match-keys for which this holder has every field."""
        fields = self.holder(name).fields
        return tuple(key for key in self.match_keys if key.fields <= fields)

    def expires_at(self) -> datetime:
        return datetime.fromisoformat(self.expires).astimezone(UTC)
