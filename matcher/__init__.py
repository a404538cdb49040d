"""The workbench: encodings in, links out.

In come encodings per holder and match-key (``encodings``), out go links (``solve``) and link ids
(``link_ids``). Pure: no files, no network, no clock, and randomness only where it is passed in. Never seen
here: identifiers, secrets, who a holder is.
"""
