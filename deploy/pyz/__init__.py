"""The holder's tool in one file, for machines without internet: built by ``build.py``, started by ``start.py``."""
