"""Names in other scripts, written in Latin letters where the agreement says so. The one import of anyascii.

1. A name goes through the rules of ``names`` first, as it is written. So only words written in Latin letters are
   titles, suffixes or placeholders: a name that is written mr, without its vowels, is a name.
2. Every letter and vowel sign of another script becomes what a table has for it, in small letters from a to z; what
   else the table writes (apostrophes, digits) is dropped. Hangul is put into syllables before (Unicode NFC).
   The table is anyascii's, but for five letters of Arabic and Hebrew that names mostly have as an a.
3. Latin letters stay as ``names`` left them.
4. A word of which nothing is left is dropped. A name of which nothing is left is invalid.
"""

from __future__ import annotations

import hashlib
import unicodedata
from functools import cache, lru_cache

from anyascii import anyascii

from encoder.findings import Reading, invalid

_AS_A = frozenset(
    {
        "\N{ARABIC LETTER ALEF}",
        "\N{ARABIC LETTER AIN}",
        "\N{ARABIC LETTER TEH MARBUTA}",
        "\N{HEBREW LETTER ALEF}",
        "\N{HEBREW LETTER AYIN}",
    }
)
_END = 0x40000
"""Behind the last code point that is given to a script; the planes above are for private use and for tags."""
_SURROGATES = range(0xD800, 0xE000)


def transliterate(reading: Reading) -> Reading:
    """A normalised name in Latin letters. What was found in reading it stays, unless nothing is left of the name."""
    if not reading.value or reading.value.isascii():
        return reading
    letters = "".join(map(_latin, unicodedata.normalize("NFC", reading.value)))
    name = " ".join(letters.split())
    return reading._replace(value=name) if name else invalid("no letter that can be written in Latin letters")


@cache
def table_digest() -> str:
    """SHA-256, 64 hexadecimal digits, of what the table has for every code point from U+0080 to U+3FFFF but surrogates,
    in their order and parted by tabs.

    All code points, not only letters: which ones are letters is a matter of Python's version.
    """
    table = "\t".join(_table(chr(point)) for point in range(0x80, _END) if point not in _SURROGATES)
    return hashlib.sha256(table.encode()).hexdigest()


@lru_cache(maxsize=8192)
def _latin(character: str) -> str:
    if character.isascii() or unicodedata.name(character, "").startswith("LATIN "):
        return character
    return "".join(one for one in _table(character).lower() if "a" <= one <= "z")


def _table(character: str) -> str:
    return "a" if character in _AS_A else anyascii(character)
