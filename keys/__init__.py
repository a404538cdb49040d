"""The strong room: what parties agree, prove and open.

In come agreements, cards, secrets and sealed bytes; out go the same, checked, derived or opened.
This is the only room that imports ``cryptography``. What must never be seen outside it: private keys,
and subkeys other than those that ``derive`` names.
"""
