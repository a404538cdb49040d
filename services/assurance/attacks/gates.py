"""The gates of the attack suite. docs/explanation/attacks.md says what each of them is about."""

from __future__ import annotations

from services.assurance.attacks.finding import Gate, Kind

FREQUENCY = Gate(Kind.AT_MOST, 0.005)
"""Rows whose values are rightly named by how often their encodings occur."""
POPCOUNT = Gate(Kind.AT_MOST, 0.05)
"""Size of the rank correlation of bits set with what a row holds."""
PATTERNS = Gate(Kind.ABOVE_GUESSING, 0.01)
"""Claims that a row has a q-gram that are right, above the same number of claims made at random."""
SIMILARITY = Gate(Kind.AT_MOST, 0.15)
"""Size of the correlation of plaintext and encoded similarity over pairs of different children."""
GRAPH = Gate(Kind.AT_MOST, 0.01)
"""Rows re-identified by the similarities of encodings, alone or together."""
KNOWN_PAIRS = Gate(Kind.AT_MOST, 0.01)
"""Rows re-identified by who knows one in a hundred of them already."""
TWO_RUNS = Gate(Kind.AT_MOST, 0.01)
"""Rows of one run found again in another."""
TOKENS = Gate(Kind.FROM_HALF, 0.02)
"""AUC of telling tokens of linked rows from others."""
PROBES = Gate(Kind.AT_MOST, 0.0)
"""Data sets in which one real child among made-up ones changes what is shown."""
FAULTS = Gate(Kind.AT_MOST, 0.0)
"""Detectors of a broken hardening that fire."""
