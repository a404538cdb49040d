"""Forenames and surnames as words of plain letters.

1. A cell without a value is missing (``blanks``).
2. Case and compatibility forms are folded (Unicode NFKD and full case folding, UAX 15 and UTS 18), then marks
   that only modify a letter are dropped. Latin letters that NFKD does not take apart are written plainly.
3. White space, hyphens and ``. , / & + _ ( ) [ ] |`` part words; apostrophes and all else are dropped.
4. Titles before a name and suffixes after it are dropped.
5. A name made only of words such as ``baby`` or ``unknown`` is a placeholder.
6. Words are joined by one space. With padded n-grams, a name of two parts then holds all n-grams of each part.
"""

import unicodedata
from functools import lru_cache

from encoder.blanks import blank
from encoder.findings import Kind, Reading, invalid, placeholder

PARTING = frozenset(".,/&+_()[]|")
PLAIN = str.maketrans(
    {
        "æ": "ae",
        "œ": "oe",
        "ø": "o",
        "đ": "d",
        "ð": "d",
        "ħ": "h",
        "\N{LATIN SMALL LETTER DOTLESS I}": "i",
        "ł": "l",
        "ŧ": "t",
        "þ": "th",
    }
)

TITLES = frozenset({"mr", "mrs", "miss", "ms", "mx", "dr", "prof", "rev", "sir"})
FORENAME_TITLES = TITLES | {"master", "professor", "reverend", "dame"}
SUFFIXES = frozenset({"jr", "jnr", "sr", "snr", "ii", "iii", "iv", "esq"})

NAMELESS = frozenset({"baby", "infant", "newborn", "twin", "triplet", "unknown", "unnamed", "test"})
BESIDE_NAMELESS = NAMELESS | {"boy", "girl", "male", "female", "of", "one", "two", "three"}
NOT_KNOWN = frozenset({"not known", "not stated", "no name", "name not known", "name unknown"})

DAMAGED = "damaged characters: saved in the wrong encoding at some time"


def forename(text: str) -> Reading:
    """Normalise one or several forenames. An empty value means missing."""
    reading = _name(text, FORENAME_TITLES)
    words = reading.value.split()
    if reading.value in NOT_KNOWN or (NAMELESS.intersection(words) and BESIDE_NAMELESS.issuperset(words)):
        return placeholder("no name given yet")
    return reading


def surname(text: str) -> Reading:
    """Normalise a surname. An empty value means missing."""
    reading = _name(text, TITLES)
    if reading.value in NOT_KNOWN or reading.value == "unknown":
        return placeholder("not known")
    return reading


def _name(text: str, titles: frozenset[str]) -> Reading:
    if (nothing := blank(text)) is not None:
        return nothing
    words = _words(text)
    if not words:
        return invalid("no letters")
    while len(words) > 1 and words[0] in titles:
        del words[0]
    while len(words) > 1 and words[-1] in SUFFIXES:
        del words[-1]
    if len(words) == 1 and words[0] in titles | SUFFIXES:
        return placeholder("a title only")
    name = " ".join(words)
    if _is_damaged(text):
        return Reading(name, Kind.NOTED, DAMAGED)
    return Reading(name)


def _words(text: str) -> list[str]:
    if text.isascii():
        letters = text.lower()
    else:
        # Spacing accents would turn into a space under NFKD, and part a word that they only decorate.
        bare = "".join(c for c in text if unicodedata.category(c) != "Sk")
        letters = bare
        for _ in range(2):
            letters = unicodedata.normalize("NFKD", letters.casefold())
        letters = letters.translate(PLAIN)
    return "".join(map(_keep, letters)).split()


@lru_cache(maxsize=8192)
def _keep(character: str) -> str:
    """A letter as it is, a space for what parts words, nothing for the rest."""
    category = unicodedata.category(character)
    if character.isspace() or category == "Pd" or character in PARTING:
        return " "
    if "\u02b0" <= character <= "\u02ff" or character == "\u0640":
        return ""  # letters by category, but apostrophes, accents and the Arabic stretching stroke by use
    if category.startswith("L"):
        return character
    # Vowel signs of South Asian scripts (combining class 0) and the voicing marks of Japanese (8) carry the sound.
    if category in ("Mn", "Mc") and unicodedata.combining(character) in (0, 8) and not _is_selector(character):
        return character
    return ""


def _is_selector(character: str) -> bool:
    return unicodedata.name(character, "").startswith(
        ("VARIATION SELECTOR", "MONGOLIAN FREE VARIATION", "COMBINING GRAPHEME")
    )


def _is_damaged(text: str) -> bool:
    """UTF-8 that was once read as Windows-1252, or characters already lost."""
    if text.isascii():
        return False
    if "\ufffd" in text:
        return True
    try:
        return text.encode("cp1252").decode("utf-8") != text
    except UnicodeError:
        return False
