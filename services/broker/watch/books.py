"""Metrics that are read anew at each look: what the database, the queues and the disk say."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from keys.protocol import State
from services.broker.office import Office
from services.broker.store import runs, workers
from services.broker.watch.metrics import STEP

NAMES = {
    "counterfoil_database_up": "Whether the database answered this look: 1 or 0.",
    "counterfoil_runs": "Runs, by state.",
    "counterfoil_workers": "Processes on the roll that do the work of runs.",
    "counterfoil_queue_depth": "What waits in a queue of the runner.",
    "counterfoil_storage_free_bytes": (
        "Room on the disk of the storage, or of what is coming in to an object storage, in whole steps of 16 MiB."
    ),
    "counterfoil_storage_size_bytes": "Size of that disk.",
}

LABELS = {"counterfoil_runs": ("state",), "counterfoil_queue_depth": ("queue",)}


class Books(Collector):
    """One broker's. ``waiting`` tells how many items each queue holds."""

    def __init__(self, office: Office, waiting: Callable[[], Mapping[str, int]]) -> None:
        self._office = office
        self._waiting = waiting

    def collect(self) -> Iterator[Metric]:
        up = _gauge("counterfoil_database_up")
        try:
            metrics = self._of_database()
        except Exception:  # noqa: BLE001 - that the database does not answer is what is told
            metrics = []
        up.add_metric([], 1 if metrics else 0)
        yield from (up, *metrics, *_of_disk(*self._office.storage.room()))

    def _of_database(self) -> list[Metric]:
        with self._office.store.transaction("count for metrics") as connection:
            states = runs.by_state(connection)
            at_work = sum(row["works"] for row in workers.every(connection))
        of_runs, of_queues = _gauge("counterfoil_runs"), _gauge("counterfoil_queue_depth")
        for state in State:
            of_runs.add_metric([state.value], states.get(state.value, 0))
        for queue, depth in self._waiting().items():
            of_queues.add_metric([queue], depth)
        roll = _gauge("counterfoil_workers")
        roll.add_metric([], at_work)
        return [of_runs, of_queues, roll]


def _of_disk(bytes_free: int, bytes_in_all: int) -> list[Metric]:
    free, size = _gauge("counterfoil_storage_free_bytes"), _gauge("counterfoil_storage_size_bytes")
    free.add_metric([], bytes_free // STEP * STEP)
    size.add_metric([], bytes_in_all)
    return [free, size]


def _gauge(name: str) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, NAMES[name], labels=LABELS.get(name, ()))
