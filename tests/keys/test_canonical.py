"""Canonical JSON: the published examples of RFC 8785, and what is refused."""

import hashlib
import json
import struct
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keys.canonical import canonical, canonical_texts, digest, parse
from keys.errors import KeysError

SAFE = 2**53 - 1
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-SAFE, SAFE) | st.floats(-SAFE, SAFE) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)

NUMBERS = {  # RFC 8785, appendix B: IEEE 754 bits and their text
    "0000000000000000": "0",
    "8000000000000000": "0",
    "0000000000000001": "5e-324",
    "8000000000000001": "-5e-324",
    "7fefffffffffffff": "1.7976931348623157e+308",
    "ffefffffffffffff": "-1.7976931348623157e+308",
    "4340000000000000": "9007199254740992",
    "c340000000000000": "-9007199254740992",
    "4430000000000000": "295147905179352830000",
    "44b52d02c7e14af5": "9.999999999999997e+22",
    "44b52d02c7e14af6": "1e+23",
    "44b52d02c7e14af7": "1.0000000000000001e+23",
    "444b1ae4d6e2ef4e": "999999999999999700000",
    "444b1ae4d6e2ef4f": "999999999999999900000",
    "444b1ae4d6e2ef50": "1e+21",
    "3eb0c6f7a0b5ed8c": "9.999999999999997e-7",
    "3eb0c6f7a0b5ed8d": "0.000001",
    "41b3de4355555553": "333333333.3333332",
    "41b3de4355555554": "333333333.33333325",
    "41b3de4355555555": "333333333.3333333",
    "41b3de4355555556": "333333333.3333334",
    "41b3de4355555557": "333333333.33333343",
    "becbf647612f3696": "-0.0000033333333333333333",
    "43143ff3c1cb0959": "1424953923781206.2",
}


def test_the_example_of_section_3_2_2() -> None:
    document = parse(
        rb"""{
          "numbers": [333333333.33333329, 1E30, 4.50, 2e-3, 0.000000000000000000000000001],
          "string": "\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"\/",
          "literals": [null, true, false]
        }""",
        where="example",
    )
    expected = (
        '{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],'
        '"string":"€$\\u000f\\nA\'B\\"\\\\\\\\\\"/"}'
    )
    assert canonical(document) == expected.encode()


def test_names_are_sorted_by_utf16_as_in_section_3_2_3() -> None:
    names = ["\u20ac", "\r", "\ufb33", "1", "\U0001f600", "\u0080", "\u00f6"]
    ordered = list(json.loads(canonical(dict.fromkeys(names, 0))))
    assert ordered == ["\r", "1", "\u0080", "\u00f6", "\u20ac", "\U0001f600", "\ufb33"]


@pytest.mark.parametrize(("bits", "text"), NUMBERS.items())
def test_numbers_of_appendix_b(bits: str, text: str) -> None:
    (number,) = struct.unpack(">d", bytes.fromhex(bits))
    assert canonical(number) == text.encode()


@given(VALUES)
def test_what_is_written_reads_back_and_is_written_the_same(document: Any) -> None:
    written = canonical(document)
    read = parse(written, where="test")
    assert read == document
    assert canonical(read) == written
    assert digest(document) == hashlib.sha256(written).hexdigest()


@given(VALUES)
def test_layout_and_order_of_names_do_not_matter(document: Any) -> None:
    loose = json.dumps(document, indent=2, sort_keys=False).encode()
    assert canonical(parse(loose, where="test")) == canonical(document)


@pytest.mark.parametrize(
    "document",
    [float("nan"), float("inf"), b"bytes", {1: 2}, {"a": {1}}, 2**53, "\ud800", {"\ud800": 1}],
    ids=repr,
)
def test_what_json_cannot_say_is_refused(document: Any) -> None:
    with pytest.raises(KeysError):
        canonical(document)


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"]))))
def test_texts_alone_are_written_as_in_any_document(texts: list[str]) -> None:
    assert canonical_texts(texts) == canonical(texts)


@given(st.text(), st.characters(categories=["Cs"]))
def test_half_a_character_is_refused_among_texts_too(text: str, half: str) -> None:
    with pytest.raises(KeysError) as caught:
        canonical_texts(["before", text + half])
    assert caught.value.__suppress_context__


def test_a_document_without_end_is_refused() -> None:
    endless: list[Any] = []
    endless.append(endless)
    with pytest.raises(KeysError):
        canonical(endless)


def test_a_refusal_does_not_show_the_document() -> None:
    with pytest.raises(KeysError) as caught:
        canonical({"number": 9_434_765_919_000_000_000})
    assert "9434765919" not in str(caught.value)


@pytest.mark.parametrize(
    "data",
    [
        b'{"a":1,"a":2}',
        b'{"b":{"a":1,"a":1}}',
        b"NaN",
        b"[Infinity]",
        b"-Infinity",
        b"1e999",
        b'"\xff"',
        "ä".encode("latin-1"),
        b'"\\ud800"',
        b'{"\\ud800":1}',
        b"\xef\xbb\xbf{}",
        b"\xff\xfe{\0}\0",
        b"",
        b"{",
        b"{} {}",
        b"'a'",
        b"9" * 5000,
        b"[" * 100_000,
    ],
    ids=lambda data: repr(data[:24]),
)
def test_what_is_not_json_is_refused_with_its_place(data: bytes) -> None:
    with pytest.raises(KeysError) as caught:
        parse(data, where="the file")
    assert caught.value.where == "the file"


@given(st.binary(max_size=40))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    try:
        document = parse(data, where="test")
    except KeysError:
        return
    assert document == json.loads(data)
