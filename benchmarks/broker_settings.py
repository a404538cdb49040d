"""Settings of the brokers that a benchmark starts."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager


@contextmanager
def broker_settings(settings: Mapping[str, str]) -> Iterator[None]:
    """These settings of the broker, by their names without the prefix, for this process and those that it starts."""
    names = {f"COUNTERFOIL_BROKER_{name}": value for name, value in settings.items()}
    before = {name: os.environ.get(name) for name in names}
    os.environ.update(names)
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name, None)
            if value is not None:
                os.environ[name] = value
