"""Forenames and surnames by community, from the lists of the package Faker, with frequencies of a realistic shape.

No list here comes from a register of births. Faker gives which names there are; how common each is follows a
Zipf-Mandelbrot curve, whose two numbers were chosen so that the most common name, the hundredth, the thousandth
and the chance that two children share a name are near those published for England and Wales.
"""

import importlib
import unicodedata
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

FORENAME_CURVE = (16.0, 1.30)
SURNAME_CURVE = (3.0, 0.93)
"""Shift and exponent of ``1 / (rank + shift) ** exponent``."""
FITTING_ROUNDS = 30
UNLISTED = 0.01
"""With lists of names: the share of names that no list has. Our choice."""

PLACE_STEMS = """
Ald Apple Ash Ayl Barn Beck Bex Birch Black Brad Bram Bran Brock Brom Brook Burn Cal Chad Chil Clay Cold
Cran Crow Dal Dray Dun East El Elm Fair Far Fern Hal Ham Har Hart Hazel Hether High Hol Hunt Kel Kirk Lang
Lin Lock Long Mar Mel Mid Mill Morn Nether New North Oak Old Over Pen Pres Rad Red Ridge Rock Row Rush Sal
Sand Shel Ship Stan Stock Stone Strat Sut Swin Thorn Thur Under Wake Wal Wark Water West Wet Whit Wil Win
Wood Wy
"""
PLACE_ENDINGS = """
bourne bridge brook bury by combe cott dale den don field ford gate ham hurst land ley low man mere more
ridge stead stock stone ton thorpe wall ward water well wick wood worth
"""
GIRLS_SECOND = ("Mae", "Rose", "May", "Grace", "Lou", "Leigh", "Jo", "Ann", "Louise", "Marie", "Jane", "Rae")
BOYS_SECOND = ("James", "Lee", "Jay", "John", "Joe", "Ray", "Jack", "Paul")


@dataclass(frozen=True, repr=False)
class Pool:
    """Distinct names and how often each is drawn. ``cumulative``: float64, ascending, the last is 1."""

    names: NDArray[np.str_]
    cumulative: NDArray[np.float64]

    def draw(self, count: int, rng: np.random.Generator) -> NDArray[np.str_]:
        """Return ``count`` names, drawn with replacement by their weights."""
        return self.names[np.searchsorted(self.cumulative, rng.random(count), side="right")]


def pool(ranked: Iterable[str], curve: tuple[float, float]) -> Pool:
    """Return a pool whose ``ranked`` names, most common first, follow ``curve``; repeats and oddities are dropped."""
    names = list(dict.fromkeys(name for raw in ranked if (name := plain(raw))))
    shift, exponent = curve
    weights = 1.0 / (np.arange(1, len(names) + 1) + shift) ** exponent
    cumulative = np.cumsum(weights) / weights.sum()
    cumulative[-1] = 1.0
    return Pool(np.array(names), cumulative)


def fitted(
    own: Sequence[Collection[str]], shares: Sequence[float], often: Mapping[str, float], readiness: float
) -> list[Pool]:
    """Return one pool per community such that all of them together draw each name as ``often`` as it says.

    A community of these ``shares`` gives a name of its ``own`` with ``readiness`` times the weight of another one. Both
    margins are fitted in turn (iterative proportional fitting: Deming and Stephan 1940). Names that ``often`` lacks
    make up ``UNLISTED`` together.
    """
    names = sorted({*often, *(name for one in own for name in one)})
    wanted = np.array([often.get(name, 0.0) for name in names]) * (1.0 - UNLISTED) / sum(often.values())
    wanted[wanted == 0.0] = UNLISTED / max(1, len(names) - len(often))
    table = np.array([[readiness if name in one else 1.0 for name in names] for one in map(set, own)])
    for _ in range(FITTING_ROUNDS):
        table *= wanted / table.sum(axis=0)
        table *= (np.array(shares) / table.sum(axis=1))[:, None]
    cumulative = np.cumsum(table, axis=1)
    return [Pool(np.array(names), row / row[-1]) for row in cumulative]


def plain(name: str) -> str:
    """Return ``name`` in NFC and in Latin letters, or nothing if it is no single capitalised name."""
    name = unicodedata.normalize("NFC", name).replace("\u2019", "'")
    letters = name.replace("'", "")
    usable = letters.isalpha() and letters[0].isupper() and 1 < len(name) <= 16
    return name if usable and all(ord(character) < 0x250 for character in letters) else ""


def listed(locale: str, *lists: str) -> list[str]:
    """Return the names of Faker's ``lists`` for ``locale``, the most common first where Faker gives weights."""
    provider = importlib.import_module(f"faker.providers.person.{locale}").Provider
    names: list[str] = []
    for attribute in lists:
        values = getattr(provider, attribute)
        names += sorted(values, key=lambda name: -float(values[name])) if isinstance(values, dict) else list(values)
    return names


def shuffled(names: Sequence[str]) -> list[str]:
    """Return ``names`` in a fixed order of no meaning, for lists that stand in the order of the alphabet."""
    mixed = list(names)
    np.random.default_rng(0).shuffle(mixed)
    return mixed


def interleaved(*ranked: Sequence[str]) -> list[str]:
    """Return the names of several lists, taking one of each in turn until all are used."""
    longest = max(len(names) for names in ranked)
    return [names[rank] for rank in range(longest) for names in ranked if rank < len(names)]


@cache
def british_forenames(sex: str) -> tuple[str, ...]:
    """Return British and Irish forenames of ``sex`` (``female`` or ``male``), those of today's children first.

    Faker's list for Britain is one of adults. A name of other English-speaking countries that is not in it, and that
    the lists of recent births have, is taken for a modern one.
    """
    which = f"first_names_{sex}"
    points = {"en": 1.0, "en_NZ": 1.5, "en_IE": 0.5, "de_LI": 1.5, "nl_NL": 1.5, "en_GB": -1.5}
    lists = {locale: dict.fromkeys(listed(locale, which)) for locale in points}
    order = np.random.default_rng(0)

    def rank(name: str) -> float:
        return float(order.random()) - sum(points[locale] for locale, names in lists.items() if name in names)

    ours = [name for locale in ("en_NZ", "en_IE", "en_GB", "en") for name in lists[locale]]
    return tuple(sorted(dict.fromkeys(ours), key=rank))


@cache
def british_surnames() -> tuple[str, ...]:
    """Return British surnames, most common first: Faker's, then those made by rule from forenames and places."""
    places = [
        stem + ending for stem in PLACE_STEMS.split() for ending in PLACE_ENDINGS.split() if stem[-1] != ending[0]
    ]
    fathers = listed("en_GB", "first_names_male") + listed("en_IE", "first_names_male")
    patronyms = [name + ("on" if name.endswith("s") else "son") for name in fathers if name.isalpha()]
    tail = shuffled([*listed("en_IE", "last_names"), *listed("en_NZ", "last_names"), *places, *patronyms])
    return (*listed("en_GB", "last_names"), *tail)
