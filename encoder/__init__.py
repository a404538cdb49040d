"""Where rows live: the tool of a holder and of a recipient.

In come the holder's own files (``read``); out go sealed uploads (``package``) and, at the recipient, joined
files (``join``). Identifiers are seen here and nowhere else. Works with no network but for
commands with ``--broker``, and carries no server.
"""
