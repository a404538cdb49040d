"""A broker of several processes that can be killed, suspended, cut off, filled up and misled about the time.

``ENTRY`` starts each of them as the command does, but for the clock of its office: the seconds in a file of its home
are added to it.
"""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

from services.rehearsal.server import Launched, launch, launch_worker

WORKERS = ("one", "two")
ENTRY = "from benchmarks.faulty_clock import main; main()"
CLOCK = "clock-offset"
LONG = "database stopped for a minute"
_SPARE_MB, _LINKAGE_MB = 64, 2


@dataclass(repr=False)
class House:
    """An API without work and two workers in one home, on SQLite or on a PostgreSQL that ``stop_database`` stops."""

    home: Path
    passphrase: str
    stop_database: Callable[[], None] | None = None
    start_database: Callable[[], None] | None = None
    broker: Launched | None = None
    hands: dict[str, Launched] = field(default_factory=dict)

    @property
    def url(self) -> str:
        assert self.broker is not None
        return self.broker.url

    def start(self) -> None:
        """Start what does not run."""
        for name in WORKERS:
            if name not in self.hands:
                self.hands[name] = launch_worker(self.home, name, passphrase=self.passphrase, entry=ENTRY)
        if self.broker is None or self.broker.process.poll() is not None:
            port = int(self.broker.url.rsplit(":", 1)[1]) if self.broker else 0
            self.broker = launch(self.home, passphrase=self.passphrase, work=False, port=port, entry=ENTRY)

    def stop(self) -> None:
        for hand in (*self.hands.values(), *([self.broker] if self.broker else [])):
            hand.stop()
        self.hands.clear()

    def ended(self) -> list[str]:
        """Which processes have ended though nobody killed them."""
        running = {**self.hands, **({"broker": self.broker} if self.broker else {})}
        return [name for name, one in running.items() if one.process.poll() is not None]

    def kill(self, *names: str) -> None:
        """At once, as if the power went; ``broker`` is the API."""
        for name in names:
            process = (self.broker if name == "broker" else self.hands[name]).process  # type: ignore[union-attr]
            process.kill()
        for name in names:
            gone = self.broker if name == "broker" else self.hands.pop(name)
            if gone is not None:
                gone.process.wait()


def kill_api(house: House, _random: Random) -> None:
    house.kill("broker")
    house.start()


def kill_worker(house: House, random: Random) -> None:
    house.kill(random.choice(WORKERS))
    house.start()


def kill_all(house: House, _random: Random) -> None:
    house.kill("broker", *WORKERS)
    house.start()


def suspend_worker(house: House, random: Random) -> None:
    """For longer than a silent worker is waited for, so that the other takes over its tasks."""
    pid = house.hands[random.choice(WORKERS)].process.pid
    os.kill(pid, signal.SIGSTOP)
    try:
        time.sleep(random.uniform(1, 6))
    finally:
        os.kill(pid, signal.SIGCONT)


def stop_database(house: House, random: Random) -> None:
    _stop_database(house, random.uniform(1, 5))


def stop_database_for_a_minute(house: House, _random: Random) -> None:
    _stop_database(house, 60)


def _stop_database(house: House, seconds: float) -> None:
    assert house.stop_database is not None
    assert house.start_database is not None
    house.stop_database()
    try:
        time.sleep(seconds)
    finally:
        house.start_database()


def fill_disk(house: House, random: Random) -> None:
    filler = house.home / "storage" / "filler"
    with suppress(OSError), filler.open("wb", buffering=0) as stream:
        while True:
            stream.write(bytes(1 << 16))
    try:
        time.sleep(random.uniform(1, 4))
    finally:
        filler.unlink()


def jump_clock(house: House, random: Random) -> None:
    """Half a day forward or back, for all processes, and right again after some seconds."""
    clock = house.home / CLOCK
    clock.write_text(str(random.choice((-1, 1)) * random.uniform(60, 43_200)))
    try:
        time.sleep(random.uniform(0.5, 2))
    finally:
        clock.write_text("0")


Fault = Callable[[House, Random], None]
FAULTS: Mapping[str, Fault] = {
    "kill API": kill_api,
    "kill worker": kill_worker,
    "kill all": kill_all,
    "suspend worker": suspend_worker,
    "database stopped": stop_database,
    LONG: stop_database_for_a_minute,
    "disk full": fill_disk,
    "clock jump": jump_clock,
}
KILLS = ("kill API", "kill worker", "kill all")


@contextmanager
def small_storage(home: Path, *, linkages: int) -> Iterator[bool]:
    """Put the storage on a small file system of its own, with room for what so many leave, if this user may; whether it
    is."""
    storage = home / "storage"
    storage.mkdir(mode=0o700)
    words: dict[str, Any] = {"check": False, "stderr": subprocess.DEVNULL}
    options = ["-o", f"size={_SPARE_MB + _LINKAGE_MB * linkages}m,mode=0700"]
    try:
        mounted = not subprocess.run(["mount", "-t", "tmpfs", *options, "tmpfs", str(storage)], **words).returncode  # noqa: S607
    except FileNotFoundError:
        mounted = False
    try:
        yield mounted
    finally:
        if mounted:
            subprocess.run(["umount", "--lazy", str(storage)], **words)  # noqa: S607
