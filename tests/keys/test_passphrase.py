"""Passphrases: the same however they are typed, read as they are, and refused when they cannot be meant."""

import getpass
import io
import os
import unicodedata
import warnings
from pathlib import Path

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from keys.errors import IdentityError
from keys.identity import Identity
from keys.passphrase import prepared, read_passphrase
from tests.doors import drawn, identity

TYPED = "na\u00efve caf\u00e9 \u00c5ngstr\u00f6m"
ELSEWHERE = "nai\u0308ve\u00a0cafe\u0301\u2009\u212bngstro\u0308m"
"""The same with accents as characters of their own, a no-break and a thin space, and the sign for the unit."""

TYPEABLE = st.text(st.characters(exclude_categories=["Cc", "Cs", "Cn"]))


def test_a_passphrase_opens_its_file_from_another_keyboard() -> None:
    assert TYPED != ELSEWHERE
    for made, used in ((TYPED, ELSEWHERE), (ELSEWHERE, TYPED)):
        data = identity("Alice").lock(made, random=drawn("lock"))
        assert Identity.unlock(data, used, where="file").card == identity("Alice").card


@pytest.mark.parametrize(
    ("one", "other"),
    [("\ufb01ne", "fine"), ("\uff21BC", "ABC"), ("\u00b2", "2"), ("stra\u00dfe", "strasse"), ("A", "a"), ("a ", "a")],
)
def test_different_characters_stay_different(one: str, other: str) -> None:
    """NFKC or folding of case would weaken a passphrase; RFC 8265 does neither."""
    assert prepared(one) != prepared(other)


@given(TYPEABLE)
def test_preparing_is_done_once_and_is_the_same_for_equivalent_texts(text: str) -> None:
    once = prepared(text)
    assert prepared(once) == once
    assert unicodedata.is_normalized("NFC", once)
    assert prepared(unicodedata.normalize("NFD", text)) == once


@given(st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E)))
def test_plain_text_stays_as_it_is(text: str) -> None:
    assert prepared(text) == text


@given(
    TYPEABLE, TYPEABLE, st.sampled_from(["\0", "\x1b[A", "\t", "\n", "\x7f", "\x85", "\udc80", "\uffff", "\U000e0fff"])
)
def test_characters_that_nobody_means_to_type_are_refused_and_not_shown(before: str, after: str, bad: str) -> None:
    assume(len(before) > 3)
    with pytest.raises(IdentityError, match="cannot be typed") as caught:
        prepared(before + bad + after)
    assert before + bad not in str(caught.value)


def test_the_length_counts_what_is_typed() -> None:
    """Accents that are characters of their own do not make a short passphrase long."""
    assert (
        Identity.unlock(identity("Alice").lock("e\u0301x" * 6, random=drawn("lock")), "\u00e9x" * 6, where="file").card
        == identity("Alice").card
    )
    with pytest.raises(IdentityError, match="fewer than 12"):
        identity("Alice").lock("e\u0301" * 11, random=drawn("lock"))


@pytest.mark.parametrize(
    ("content", "passphrase"),
    [
        (b"one two three", "one two three"),
        (b"one two three\n", "one two three"),
        (b"one two three\r\n", "one two three"),
        (b" one two three \n", " one two three "),
        (b"one two three\n\n", "one two three"),
        (b"one two three\nand no more\n", "one two three"),
        (b"\xef\xbb\xbfone two three\r\n", "one two three"),
        ("na\u00efve\n".encode(), "na\u00efve"),
    ],
)
def test_a_file_gives_its_first_line_without_the_line_end(tmp_path: Path, content: bytes, passphrase: str) -> None:
    path = tmp_path / "passphrase"
    path.write_bytes(content)
    assert read_passphrase(file=path) == passphrase
    with path.open("rb") as stream:
        assert read_passphrase(descriptor=stream.fileno()) == passphrase
        os.fstat(stream.fileno())  # it stays open: it is the caller's


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b"", "no passphrase"),
        (b"\n", "no passphrase"),
        (b"\r\nsecond line", "no passphrase"),
        ("secret".encode("utf-16"), "cannot be read"),
        ("secr\u00e9t".encode("latin-1"), "cannot be read"),
    ],
)
def test_a_file_without_one_is_refused(tmp_path: Path, content: bytes, what: str) -> None:
    path = tmp_path / "passphrase"
    path.write_bytes(content)
    with pytest.raises(IdentityError, match=what) as caught:
        read_passphrase(file=path)
    assert caught.value.where == str(path)
    assert "secr" not in str(caught.value)


def test_what_is_not_there_is_refused(tmp_path: Path) -> None:
    for path in (tmp_path / "none", tmp_path):
        with pytest.raises(IdentityError, match="cannot be read"):
            read_passphrase(file=path)
    with pytest.raises(IdentityError, match="cannot be read"):
        read_passphrase(descriptor=4095)
    with pytest.raises(IdentityError, match="twice"):
        read_passphrase(file=tmp_path, descriptor=0)


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", Terminal())


@pytest.mark.usefixtures("terminal")
def test_at_a_terminal_it_is_asked_for_and_a_new_one_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    answers: list[str] = []
    monkeypatch.setattr(getpass, "getpass", lambda _prompt: answers.pop(0))
    answers[:] = ["one two three"]
    assert read_passphrase() == "one two three"
    answers[:] = ["one two three", "one two three"]
    assert read_passphrase(repeat=True) == "one two three"
    answers[:] = ["one two three", "one two thrice"]
    with pytest.raises(IdentityError, match="differ"):
        read_passphrase(repeat=True)


@pytest.mark.usefixtures("terminal")
def test_a_terminal_that_would_show_it_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    def shown(_prompt: str) -> str:
        warnings.warn("Can not control echo on the terminal.", getpass.GetPassWarning, stacklevel=2)
        raise AssertionError("asked for where it can be seen")

    monkeypatch.setattr(getpass, "getpass", shown)
    with pytest.raises(IdentityError, match="would show the passphrase"):
        read_passphrase()


def test_bytes_on_stdin_that_are_no_text_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"secr\xe9t\n"), encoding="utf-8"))
    with pytest.raises(IdentityError, match="cannot be read") as caught:
        read_passphrase()
    assert caught.value.__suppress_context__
    assert "secr" not in str(caught.value)
