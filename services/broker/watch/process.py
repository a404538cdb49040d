"""What is watched of one process, from its start to its end."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from services.broker.office import Office
from services.broker.runs import workflows
from services.broker.watch.books import Books
from services.broker.watch.metrics import REGISTRY
from services.broker.watch.port import metrics_served
from services.broker.watch.traces import traced


@contextmanager
def watched(office: Office) -> Iterator[None]:
    """Serve this process's metrics and send its spans meanwhile, if settings say so. Raises as ``metrics_served`` and
    ``traced`` do."""
    books = Books(office, workflows.waiting)
    REGISTRY.register(books)
    try:
        with metrics_served(office.settings, REGISTRY), traced(office.settings):
            yield
    finally:
        REGISTRY.unregister(books)
