"""The broker's database: one small module per table, each function one named statement on a connection.

``Store.transaction`` is the only way in; the audit event of a change is written on the same connection.
"""
