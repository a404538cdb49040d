"""The front office: receives sealed uploads, runs the match, releases tokens, keeps the log.

Its rooms, as an upload passes them: ``front`` and ``api`` (requests), ``uploads``, ``runs``, ``match``, ``outcome``,
``destruction``; beside them ``store`` and ``files`` (what is kept), ``identity``, ``watch`` and ``doctor``.

In come signed requests over HTTP (``app``); out go receipts, run states and tokens. Never seen here: an
identifier, a linkage secret. Never leaving here: an encoding, a pair, a score, another holder's handle.
"""
