"""What an operator sees of a broker at work: log lines, metrics and spans.

In come events and counts of our own modules, and the log records of the libraries. Out go lines on stderr, one page of
metrics on a port of its own, and spans to a collector if one is named. Never seen here: an identifier, an encoding, a
pair, a score, a handle, a token, a secret, the id of an agreement, upload or run, or whose a request was.
"""
