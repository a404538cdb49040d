"""Fingerprints as words, so that two people can read them to each other on the phone."""

from mnemonic import Mnemonic

WORDS = 12
_BITS = 11


def words_of(fingerprint: str) -> str:
    """Twelve words of the BIP-39 English list for the first 132 bits of a fingerprint (64 hexadecimal digits)."""
    listed = Mnemonic("english").wordlist
    number = int(fingerprint, 16) >> (256 - WORDS * _BITS)
    return " ".join(listed[number >> _BITS * place & 0x7FF] for place in reversed(range(WORDS)))
