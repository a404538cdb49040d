"""Attacks on encodings by published methods and our own: pure functions that are handed what an attacker would hold."""
