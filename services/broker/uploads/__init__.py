"""Sealed uploads in: part by part, checked in passing, accepted whole with a receipt or not at all."""
