"""Forgetting on time: keys, files and rows, and that it has been done."""
