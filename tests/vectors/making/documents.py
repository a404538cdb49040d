"""Canonical JSON and cards."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from mnemonic import Mnemonic

from tests.vectors.making.case import Case, Folder, sha256, text
from tests.vectors.making.cast import base64url, party

_CANONICAL, _CARD = Folder("canonical"), Folder("card")


# RFC 8785, sections 3.2.2 and 3.2.3 and appendix B.
_EXAMPLE = r"""{
  "numbers": [333333333.33333329, 1E30, 4.50, 2e-3, 0.000000000000000000000000001],
  "string": "\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"\/",
  "literals": [null, true, false]
}"""
_EXAMPLE_CANONICAL = (
    r'{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],'
    r'"string":"€$\u000f\nA' + r"'" + r'B\"\\\\\"/"}'
)
_NAMES = r'{"\u20ac": 1, "\r": 2, "\ufb33": 3, "1": 4, "\ud83d\ude00": 5, "\u0080": 6, "\u00f6": 7}'
_NAMES_CANONICAL = '{"\\r":2,"1":4,"\u0080":6,"ö":7,"€":1,"😀":5,"\ufb33":3}'
_NUMBERS = """[
  -0, -0.0, 1.0, 10e1, 5e-324, 1.7976931348623157e308, 9007199254740991, -9007199254740991, 9.999999999999997e22, 1e23,
  999999999999999700000.0, 1e21, 9.999999999999997e-7, 0.000001, 333333333.3333332, -0.0000033333333333333333,
  1424953923781206.2
]"""
_NUMBERS_CANONICAL = (
    "[0,0,1,100,5e-324,1.7976931348623157e+308,9007199254740991,-9007199254740991,9.999999999999997e+22,1e+23,"
    "999999999999999700000,1e+21,9.999999999999997e-7,0.000001,333333333.3333332,-0.0000033333333333333333,"
    "1424953923781206.2]"
)


def canonical_cases() -> Iterator[Case]:
    for name, about, source, result in (
        ("example-of-the-rfc", "The example of RFC 8785, section 3.2.2.", _EXAMPLE, _EXAMPLE_CANONICAL),
        ("names-by-utf-16", "RFC 8785, section 3.2.3: names by their UTF-16 units.", _NAMES, _NAMES_CANONICAL),
        ("numbers", "Numbers of RFC 8785, appendix B, and other ways to write them.", _NUMBERS, _NUMBERS_CANONICAL),
        (
            "escapes",
            "Only what must be escaped is, and in small letters; no form of Unicode is changed into another.",
            '"\\b\\t\\n\\f\\r\\u001F\\u007f\\/ \\u00e9 e\\u0301 \\u2028"',
            '"\\b\\t\\n\\f\\r\\u001f\x7f/ é e\u0301 \u2028"',
        ),
        ("nothing", "Empty things stay what they are.", ' [ {} , [ ] , "" , null ] ', '[{},[],"",null]'),
    ):
        expected = {"canonical": [text(result)], "sha256": sha256(result.encode())}
        yield _CANONICAL.accept(name, about, {"json": [text(source)]}, expected)
    for name, about, source in (
        ("name-twice", "An object with a name twice: two readers could see two values.", '{"a":1,"a":1}'),
        ("not-a-number", "NaN is no JSON.", '{"a":NaN}'),
        ("infinite", "A number that is larger than any double.", "[1e999]"),
        ("integer-too-large", "A whole number of 2^53 or more, which some readers would round.", "[9007199254740993]"),
        ("half-of-a-pair", "Half of a surrogate pair, which is no character.", '["\\ud83d"]'),
        ("byte-order-mark", "A byte order mark before the document.", "\ufeff{}"),
        ("two-documents", "Something after the end of the document.", "{} {}"),
    ):
        yield _CANONICAL.reject(name, about, {"json": [text(source)]})
    about = "Bytes that are not UTF-8."
    yield _CANONICAL.reject("not-utf-8", about, {"json": [b'"\xe9"'.hex()]})


def words_of(fingerprint: str) -> str:
    """Twelve words, each for eleven bits from the left."""
    bits, listed = f"{int(fingerprint, 16):0256b}", Mnemonic("english").wordlist
    return " ".join(listed[int(bits[place : place + 11], 2)] for place in range(0, 132, 11))


def card_cases() -> Iterator[Case]:
    council = party("council")
    for name, about, keys in (
        ("plain", "A card, its fingerprint, the fingerprint in words, and the id of its receiving key.", council),
        ("name-beyond-ascii", "A name with letters beyond ASCII.", party("Cyngor Sir Gâr (Ørsted & Łódź) 中")),
        ("long-name", "A name of a hundred characters, which is the most.", party("n" * 100)),
    ):
        expected = {"fingerprint": keys.fingerprint, "words": words_of(keys.fingerprint), "key_id": keys.key_id}
        yield _CARD.accept(name, about, {"card": keys.card}, expected)
    card, signing = council.card, council.card["signing"]
    mlkem, x25519 = council.card["receiving"]["mlkem768"], council.card["receiving"]["x25519"]
    loose = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"

    def receiving(**changes: str) -> dict[str, Any]:
        return {**card, "receiving": {"mlkem768": mlkem, "x25519": x25519, **changes}}

    for name, about, document in (
        ("version-true", "True where the number 1 should be.", {**card, "version": True}),
        ("unknown-name", "Something that cards do not have.", {**card, "role": "broker"}),
        ("empty-name", "A name without a character.", {**card, "name": ""}),
        ("line-end-in-name", "A name with a line end, which could fake a line of output.", {**card, "name": "a\nb"}),
        ("signing-key-short", "A signing key of 31 bytes.", {**card, "signing": base64url(bytes(31))}),
        ("base64-padding", "Base64url with padding.", {**card, "signing": f"{signing}="}),
        (
            "base64-loose-bits",
            "Base64url whose last letter has bits that belong to no byte: a second spelling of the same key.",
            {**card, "signing": signing[:-1] + loose[loose.index(signing[-1]) ^ 1]},
        ),
        ("base64-other-letters", "Base64 in the alphabet that is not for URLs.", receiving(x25519="+/" + x25519[2:])),
        (
            "receiving-key-out-of-range",
            "An ML-KEM key with numbers that are not below its modulus (FIPS 203, section 7.2).",
            receiving(mlkem768=base64url(b"\xff" * 1152 + bytes(32))),
        ),
        (
            "half-a-receiving-key",
            "A card with the classical half of a receiving key alone.",
            {**card, "receiving": {"x25519": x25519}},
        ),
    ):
        yield _CARD.reject(name, about, {"card": document})


def cases() -> Iterator[Case]:
    yield from canonical_cases()
    yield from card_cases()
