"""What is lost when a broker is broken again and again: real processes, real faults, whole linkages.

``python -m benchmarks.faults --times 100 --database postgresql`` runs linkage after linkage, from encoding to fetched
results, at an API without work and two workers. At seeded moments one of them is killed, or all, and started again,
``--times`` in all; other faults (a worker suspended, the database stopped, the disk full, the clock wrong) come a tenth
of that each, and once in a hundred the database is away for a minute. Every row is unique, so whatever is lost, doubled
or misaligned shows beside an undisturbed linkage of the same files. At the end the audit log must verify, and no file
may lie in the storage that an undisturbed broker has not.

The database is stopped on PostgreSQL alone, which must be on this machine; the disk is full where this user may mount.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from threading import Event, Thread
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks.broker_settings import broker_settings
from benchmarks.faulty_house import FAULTS, KILLS, LONG, House, small_storage
from benchmarks.faulty_linkage import Damage, Outcome, Parties
from services.broker.app import open_office
from services.broker.settings import Settings
from services.broker.store import uploads
from services.broker.uploads.incoming import upload_name
from tests.postgres import postgres

_SETTINGS = {"TASK_PAIRS": "60000", "THREADS": "1", "WORKER_TIMEOUT_SECONDS": "3", "PART_KB": "64"}
_SPAN = 1.5
"""Times of an undisturbed linkage, from one fault to the next at most."""
_SETTLING_SECONDS = 90.0


@dataclass
class Line:
    """One kind of fault: how often it came, over how many linkages, how many of these ended, and what is wrong."""

    kind: str
    times: int = 0
    linkages: int = 0
    ended: int = 0
    lost: int = 0
    doubled: int = 0
    misaligned: int = 0


class Disturber:
    """Brings a fault again and again, at moments drawn from ``random``, until told to stop or it came often enough."""

    def __init__(self, house: House, kind: str, times: int, *, span: float, random: Random) -> None:
        self.times = 0
        self.failure: BaseException | None = None
        self._house, self._fault, self._most = house, FAULTS[kind], times
        self._span, self._random = span, random
        self._stopped = Event()
        self._thread = Thread(target=self._disturb, name="disturber")

    def __enter__(self) -> Disturber:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopped.set()
        self._thread.join()
        if self.failure:
            raise self.failure

    def _disturb(self) -> None:
        try:
            while self.times < self._most and not self._stopped.wait(self._random.uniform(0, self._span)):
                self._fault(self._house, self._random)
                self.times += 1
        except BaseException as failure:  # noqa: BLE001 - told in the thread that waits
            self.failure = failure


def faults(
    times: Mapping[str, int], *, database: str, seed: int, rows: tuple[int, int] = (300, 600), tell: Any = None
) -> dict[str, Any]:
    """The fault table. ``times``: how often each kind comes; those that this machine does not allow come never."""
    random = Random(seed)
    lines: list[Line] = []
    with (
        TemporaryDirectory(prefix="counterfoil-faults-") as folder,
        broker_settings(_SETTINGS),
        _database(database) as control,
    ):
        root = Path(folder)
        parties, passphrase = Parties.gathered(root, rows, seed=seed)
        home = root / "broker"
        with small_storage(home, linkages=sum(times.values())) as small:
            house = House(home, passphrase, *control)
            stops = control != (None, None)
            possible = {"database stopped": stops, LONG: stops, "disk full": small}
            try:
                house.start()
                parties.meet(house.url)
                parties.link()  # the code for comparing is compiled
                began = time.perf_counter()
                undisturbed_run, undisturbed = parties.link()
                span = _SPAN * (time.perf_counter() - began)
                for kind, most in times.items():
                    line = Line(kind)
                    lines.append(line)
                    while possible.get(kind, True) and line.times < most:
                        _disturbed(parties, house, line, most, undisturbed, span=span, random=random)
                        if tell:
                            tell(line)
                fallen = house.ended()
                house.kill("broker")
                house.start()  # which looks once at everything
                orphans = _orphans(house, parties, undisturbed_run)
                parties.check_log()
            finally:
                parties.linkage.close()
                house.stop()
    return {
        "database": database,
        "seed": seed,
        "rows": list(rows),
        "seconds_undisturbed": round(span / _SPAN, 1),
        "links": len(undisturbed.links),
        "faults": [asdict(line) for line in lines],
        "orphans": orphans,
        "fallen": fallen,
        "log": "verified",
    }


def _disturbed(
    parties: Parties, house: House, line: Line, most: int, undisturbed: Outcome, *, span: float, random: Random
) -> None:
    """One linkage while faults of one kind come."""
    line.linkages += 1
    with Disturber(house, line.kind, most - line.times, span=span, random=random) as disturber:
        try:
            _, found = parties.link()
        except Exception as failure:  # noqa: BLE001 - whatever it is, this linkage did not end
            print(f"{line.kind}: {type(failure).__name__}: {failure}", file=sys.stderr)
            found = None
    line.times += disturber.times
    if found is not None:
        damage = Damage.between(undisturbed, found)
        line.ended += 1
        line.lost += damage.lost
        line.doubled += damage.doubled
        line.misaligned += damage.misaligned


def _orphans(house: House, parties: Parties, undisturbed_run: str) -> list[str]:
    """Files in the storage that belong to no upload, or that no undisturbed run has; some time is given to tidy up."""
    agreement, storage = parties.linkage.agreement.id, house.home / "storage"
    office = open_office(Settings(home=house.home), parties.linkage.cast.broker)
    with office.store.transaction("list uploads") as connection:
        newest = uploads.newest_of_each(connection, agreement).values()
        accepted = {upload_name(agreement, one) for one in newest}
    office.store.close()
    example = storage / "runs" / undisturbed_run
    usual = {path.relative_to(example) for path in _files(example)}
    deadline = time.monotonic() + _SETTLING_SECONDS
    while True:
        left = [path.relative_to(storage) for path in _files(storage)]
        wrong = [
            one.as_posix()
            for one in left
            if one.as_posix() not in accepted
            and not (one.parts[0] == "runs" and one.relative_to(*one.parts[:1], one.parts[1]) in usual)
        ]
        if not wrong or time.monotonic() > deadline:
            return sorted(wrong)
        time.sleep(1)


def _files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


@contextmanager
def _database(kind: str) -> Iterator[tuple[Any, Any]]:
    """What stops and starts it, if it can be stopped."""
    if kind == "sqlite":
        yield None, None
        return
    with postgres() as server, broker_settings({"DATABASE_URL": server.make_database()}):
        yield server.stop, server.start


def shares(times: int) -> dict[str, int]:
    """``times`` kills, of each kind as often as of the others, a tenth of that of every other fault, and a hundredth
    of the one that takes a minute."""
    first, *others = KILLS
    each = times // len(KILLS)
    kills = {first: times - each * len(others), **dict.fromkeys(others, each)}
    return {kind: kills.get(kind, max(1, times // (100 if kind == LONG else 10))) for kind in FAULTS}


def whole(figures: Mapping[str, Any]) -> bool:
    """Whether nothing was lost, doubled, misaligned or left lying, every linkage ended and no process fell."""
    harm = any(line[what] for line in figures["faults"] for what in ("lost", "doubled", "misaligned"))
    ended = all(line["ended"] == line["linkages"] for line in figures["faults"])
    return ended and not harm and not figures["orphans"] and not figures["fallen"]


def table(figures: Mapping[str, Any]) -> Table:
    drawn = Table(title=f"Faults, {figures['database']}, seed {figures['seed']}", title_justify="left")
    headings: Sequence[str] = ("kind", "times", "linkages", "ended", "lost", "doubled", "misaligned")
    for heading in headings:
        drawn.add_column(heading, justify="left" if heading == "kind" else "right")
    for line in figures["faults"]:
        drawn.add_row(*(str(line[heading]) for heading in headings))
    return drawn


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--times", type=int, default=100, help="how many kills")
    parser.add_argument("--database", choices=("sqlite", "postgresql"), default="sqlite")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    figures = faults(
        shares(options.times),
        database=options.database,
        seed=options.seed,
        tell=lambda line: print(f"{line.kind}: {line.times}", file=sys.stderr),
    )
    if options.json:
        print(json.dumps(figures))
    else:
        Console().print(table(figures))
        print(f"files left lying: {len(figures['orphans'])}, processes that fell: {figures['fallen'] or 'none'}")
        print(f"an undisturbed linkage takes {figures['seconds_undisturbed']} s; the audit log: {figures['log']}")
    return int(not whole(figures))


if __name__ == "__main__":
    sys.exit(main())
