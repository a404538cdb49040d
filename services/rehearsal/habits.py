"""How a holder's system spells what it holds: case, accents, apostrophes, hyphens, spaces."""

import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Names = NDArray[np.str_]

WRITTEN_BY_CLERKS = str.maketrans(
    {"ł": "l", "Ł": "L", "ø": "o", "Ø": "O", "\N{LATIN SMALL LETTER DOTLESS I}": "i", "ß": "ss", "đ": "d", "Đ": "D"}
)
"""Letters that are no letter with a mark, so that taking the marks off leaves them as they are."""


@dataclass(frozen=True)
class Habits:
    """The usual spelling of one system. A share ``slack`` of its rows was typed in some other way."""

    upper: bool = False
    accents: bool = True
    apostrophe: Literal["'", "\u2019", "", " "] = "'"
    hyphen: Literal["-", " "] = "-"
    postcode_space: bool = True
    slack: float = 0.03

    def name(self, name: str) -> str:
        """Return ``name`` as this system spells it."""
        if not self.accents:
            name = unaccented(name)
        name = name.replace("'", self.apostrophe).replace("-", self.hyphen)
        return name.upper() if self.upper else name


def unaccented(name: str) -> str:
    """Return ``name`` without marks on its letters, and the letters that are no marked letter as clerks write them."""
    name = name.translate(WRITTEN_BY_CLERKS)
    marked = unicodedata.normalize("NFKD", name)
    return "".join(character for character in marked if not unicodedata.combining(character))


def spelt_names(names: Names, habits: Habits, *, rng: np.random.Generator) -> Names:
    """Return ``names`` as a system with ``habits`` holds them; a share ``habits.slack`` in another way of typing."""
    distinct, code = np.unique(names, return_inverse=True)
    spelt = np.array([habits.name(name) for name in distinct.tolist()], dtype=np.str_)[code]
    return _otherwise(spelt, (str.lower, str.upper, str.title, _space_after, unaccented), habits.slack, rng)


def spelt_postcodes(postcodes: Names, habits: Habits, *, rng: np.random.Generator) -> Names:
    """Return ``postcodes`` with or without the space, a share ``habits.slack`` in another way of typing."""
    spelt = postcodes if habits.postcode_space else np.strings.replace(postcodes, " ", "")
    return _otherwise(spelt, (str.lower, _space_after, _without_space), habits.slack, rng)


def _otherwise(values: Names, ways: tuple[Callable[[str], str], ...], share: float, rng: np.random.Generator) -> Names:
    typed = values.tolist()
    for place in np.flatnonzero(rng.random(len(values)) < share).tolist():
        typed[place] = ways[int(rng.integers(len(ways)))](typed[place])
    return np.array(typed, dtype=np.str_)


def _space_after(value: str) -> str:
    return value + " " if value else value


def _without_space(value: str) -> str:
    return value.replace(" ", "")
