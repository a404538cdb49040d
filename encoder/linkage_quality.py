"""How good a linkage is where the truth is not known: what the broker says of it, and what follows from that.

1. Every number of the broker is suppressed or rounded (``keys.suppression``), so it stands for a range of numbers. What
   is worked out here is the range that follows, and never more than the broker said.
2. The broker's numbers of false and missed links are what its model expects. How many there are varies by chance:
   ``intervals.bounds`` says how far. For a share of two such numbers each gets half of what the interval may miss.
3. A threshold above the agreement's gives up the bands of links below it. Of a band's links at most as many are false
   as its lowest probability says: the weight that a threshold is about is never above the probability.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from encoder.errors import BrokerRefused
from encoder.intervals import MISS, bounds
from keys.suppression import at_least, at_most
from keys.terms import Suppression, Terms

MOST_ROWS = 100_000_000
"""Of a file; what a broker says beyond that is not believed."""


class _Said(BaseModel):
    model_config = ConfigDict(strict=True, frozen=True, extra="forbid")


_Count = Annotated[int, Field(ge=0, le=MOST_ROWS)]
_Probability = Annotated[float, Field(gt=0, le=1)]


class _SaidBand(_Said):
    from_: _Probability
    to: _Probability
    links: _Count | None
    rest: bool


class _SaidOwn(_Said):
    rows: _Count | None
    lacking: _Count | None
    lacking_linked: _Count | None


class _SaidQuality(_Said):
    links: _Count
    possible_links: _Count | None
    false: _Count | None
    missed: _Count | None
    missed_told: bool
    bands: tuple[_SaidBand, ...]
    own: _SaidOwn | None

    @model_validator(mode="after")
    def _one_rest(self) -> Self:
        if self.bands and sum(one.rest for one in self.bands) != 1:
            raise ValueError("one band is what the others leave")
        return self


@dataclass(frozen=True)
class Range:
    low: float
    high: float


@dataclass(frozen=True)
class Share:
    """A share between 0 and 1 and its interval; ``value`` is ``None`` where a number that it needs is not shown."""

    value: float | None
    low: float
    high: float


@dataclass(frozen=True)
class Band:
    """Links of a probability from ``low`` up to ``high``. ``shown``: their number as the broker shows it; ``None`` also
    for the ``rest`` that the other bands leave of all links. ``links``: what it can be."""

    low: float
    high: float
    shown: int | None
    rest: bool
    links: Range


@dataclass(frozen=True)
class Point:
    """What linking from ``threshold`` on gives: how many links there are, and between which numbers those that are
    false and those that are missed lie, but for one case in twenty each."""

    threshold: float
    links: Range
    false: Range
    missed: Range | None
    precision: Share
    recall: Share | None


@dataclass(frozen=True)
class Own:
    """Rows of the holder that asks, as the broker shows them: all, those that lack a match-key, and how many of these
    are linked."""

    rows: int | None
    lacking: int | None
    lacking_linked: int | None


@dataclass(frozen=True)
class Expected:
    """Numbers as the broker shows them; ``None`` is not shown. ``bands`` are empty where they may not be told.
    ``curve``: one point for each threshold, rising; ``agreed`` is that of the agreement."""

    below: int
    round_to: int
    links: int
    possible_links: int | None
    false: int | None
    missed: int | None
    missed_told: bool
    bands: tuple[Band, ...]
    curve: tuple[Point, ...]
    agreed: Point
    own: Own | None


def expected_of(said: Any, terms: Terms) -> Expected:
    """``said``: the ``quality`` that the broker answers with. Raises ``BrokerRefused`` for anything else."""
    try:
        read = _SaidQuality.model_validate(_named(said))
    except (ValidationError, KeyError, TypeError, AttributeError):
        raise BrokerRefused(
            "The broker's answer on the quality of the links cannot be understood.",
            remedy="Check that tool and broker are of versions that belong together.",
        ) from None
    rule = terms.suppression
    links = _range(read.links, rule)
    bands = _bands(read.bands, links, rule)
    false = _range(read.false, rule)
    if bands:
        false = Range(false.low, max(false.low, min(false.high, _most_false(bands))))
    agreed = _Whole(links, false, _range(read.missed, rule) if read.missed_told else None)
    point = agreed.point(terms.decision.match, told=read.false is not None)
    above = [_above(agreed, bands, band.low).point(band.low, told=read.false is not None) for band in bands[1:]]
    below = []
    if read.possible_links is not None and terms.decision.possible < terms.decision.match:
        more = _range(read.possible_links, rule)
        wider = _below(agreed, more, terms.decision.possible)
        below = [wider.point(terms.decision.possible, told=read.false is not None)]
    return Expected(
        below=rule.below,
        round_to=rule.round_to,
        links=read.links,
        possible_links=read.possible_links,
        false=read.false,
        missed=read.missed,
        missed_told=read.missed_told,
        bands=bands,
        curve=(*below, point, *above),
        agreed=point,
        own=Own(read.own.rows, read.own.lacking, read.own.lacking_linked) if read.own else None,
    )


def _named(said: Mapping[str, Any]) -> dict[str, Any]:
    """``from`` is no name in Python."""
    bands = tuple({"from_" if name == "from" else name: one for name, one in band.items()} for band in said["bands"])
    return {**said, "bands": bands}


def _range(shown: int | None, rule: Suppression) -> Range:
    return Range(at_least(shown, rule), at_most(shown, rule))


def _bands(said: Sequence[_SaidBand], links: Range, rule: Suppression) -> tuple[Band, ...]:
    others = [_range(one.links, rule) for one in said if not one.rest]
    rest = Range(links.low - sum(one.high for one in others), links.high - sum(one.low for one in others))
    return tuple(
        Band(one.from_, one.to, one.links, one.rest, rest if one.rest else _range(one.links, rule)) for one in said
    )


@dataclass(frozen=True)
class _Whole:
    """Links from some threshold on, and how many are expected to be false and missed, without chance."""

    links: Range
    false: Range
    missed: Range | None

    def point(self, threshold: float, *, told: bool) -> Point:
        alone = partial(bounds, miss=MISS)
        false = Range(*alone(_half_less(self.false), self.false.high + 0.5))
        missed = self.missed and Range(*alone(_half_less(self.missed), self.missed.high + 0.5))
        return Point(threshold, self.links, false, missed, self._precision(false, told), self._recall(told))

    def _precision(self, false: Range, told: bool) -> Share:
        low = max(0.0, 1 - false.high / self.links.low) if self.links.low else 0.0
        high = max(low, 1 - false.low / self.links.high) if self.links.high else 1.0
        value = 1 - _middle(self.false) / _middle(self.links) if told and self.links.low else None
        return Share(value if value is None else min(high, max(low, value)), low, high)

    def _recall(self, told: bool) -> Share | None:
        """The links that are right, of these and the missed ones."""
        if self.missed is None:
            return None
        both = partial(bounds, miss=MISS / 2)
        false_low, false_high = both(_half_less(self.false), self.false.high + 0.5)
        missed_low, missed_high = both(_half_less(self.missed), self.missed.high + 0.5)
        fewest, most = max(0.0, self.links.low - false_high), max(0.0, self.links.high - false_low)
        low = fewest / (fewest + missed_high) if fewest else 0.0
        high = most / (most + missed_low) if most else 1.0
        right, lost = _middle(self.links) - _middle(self.false), _middle(self.missed)
        value = right / (right + lost) if told and right > 0 and self.missed.low > 0 else None
        return Share(value if value is None else min(high, max(low, value)), low, high)


def _half_less(expected: Range) -> float:
    """What is expected was rounded to a whole number before it was suppressed."""
    return max(0.0, expected.low - 0.5)


def _middle(one: Range) -> float:
    return (one.low + one.high) / 2


def _above(agreed: _Whole, bands: Sequence[Band], threshold: float) -> _Whole:
    """Without the links below a higher threshold: those of them that are right are missed then."""
    kept, gone = ([one for one in bands if (one.low >= threshold) is above] for above in (True, False))
    less = Range(sum(one.links.low for one in gone), sum(one.links.high for one in gone))
    links = Range(
        max(0.0, sum(one.links.low for one in kept), agreed.links.low - less.high),
        min(sum(one.links.high for one in kept), agreed.links.high - less.low),
    )
    false = Range(max(0.0, agreed.false.low - _most_false(gone)), min(agreed.false.high, _most_false(kept)))
    right = max(sum(one.links.low * one.low for one in gone), less.low - agreed.false.high)
    missed = agreed.missed and Range(agreed.missed.low + right, agreed.missed.high + less.high)
    return _Whole(links, false, missed)


def _below(agreed: _Whole, more: Range, threshold: float) -> _Whole:
    """With the possible links too."""
    links = Range(agreed.links.low + more.low, agreed.links.high + more.high)
    false = Range(agreed.false.low, agreed.false.high + more.high * (1 - threshold))
    missed = agreed.missed and Range(
        max(0.0, agreed.missed.low - more.high), max(0.0, agreed.missed.high - more.low * threshold)
    )
    return _Whole(links, false, missed)


def _most_false(bands: Sequence[Band]) -> float:
    return sum(one.links.high * (1 - one.low) for one in bands)
