"""The HTTP interface, by version."""
