"""The match itself, between encodings in and link ids out: compared, weighed, decided."""
