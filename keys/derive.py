"""Every subkey of the linkage secret, in one table.

Each is HKDF-Expand (RFC 5869, SHA-256) with ``info`` = canonical JSON of
``["counterfoil/v1", label, agreement id, context]``; the context is a match-key's name or empty.
"""

from enum import StrEnum

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand

from keys.canonical import canonical
from keys.secret import Secret


class Label(StrEnum):
    """What a subkey is for."""

    BASE_FILTER = "base filter"
    """64 bytes per fuzzy match-key: the secret of its base filter, as clkhash takes one."""
    HARDENING = "hardening draw"
    """32 bytes per fuzzy match-key: seeds the draw of base bits."""
    EXACT = "exact match-key"
    """32 bytes per exact match-key: HMAC-SHA256 key of its tuples."""
    KEY_CHECK = "key check"
    """32 bytes, shown to the broker: equal at two holders only if their secrets are."""
    CONFORMANCE = "conformance digest"
    """32 bytes: HMAC-SHA256 key over the encodings of the 64 conformance rows."""
    CONTROL = "control rows"
    """32 bytes: what the control rows of all holders are drawn from."""


LENGTHS = {
    Label.BASE_FILTER: 64,
    Label.HARDENING: 32,
    Label.EXACT: 32,
    Label.KEY_CHECK: 32,
    Label.CONFORMANCE: 32,
    Label.CONTROL: 32,
}


def subkey(secret: Secret, label: Label, *, context: str = "") -> bytes:
    """The subkey for ``label`` and ``context``, as many bytes as ``LENGTHS`` says."""
    info = canonical(["counterfoil/v1", label.value, secret.agreement, context])
    return HKDFExpand(algorithm=hashes.SHA256(), length=LENGTHS[label], info=info).derive(secret.key())


def key_check(secret: Secret) -> str:
    """The value that proves the same secret to the broker without telling it anything: 64 hex digits."""
    return subkey(secret, Label.KEY_CHECK).hex()
