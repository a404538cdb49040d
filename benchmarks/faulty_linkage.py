"""One linkage after another at one broker, by parties that insist, and what came of each beside the first."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from rich.console import Console

from encoder.agreed import identifiers_of
from encoder.errors import BrokerRefused, Unreachable
from encoder.join import link_keys
from encoder.normalise import Normalised
from encoder.patience import Patience
from encoder.runs import runs_of
from encoder.upload import upload
from encoder.workspace import Workspace
from keys.template import default_terms
from services.rehearsal.demo_files import REFERENCE_DAY, write_demo
from services.rehearsal.holder import Holder, HolderFiles
from services.rehearsal.linkage import Linkage
from services.rehearsal.party import Cast, agree, gather, write_identity
from services.rehearsal.reporter import Reporter

Answer = TypeVar("Answer")
Link = frozenset[tuple[str, str]]
_PAUSE_SECONDS = 0.2
_TRIES = 600
"""Two minutes: then a linkage counts as one that did not end."""


@dataclass(frozen=True)
class Outcome:
    """What holders and recipient have at the end: each holder's row ids as often as they came, and the links."""

    rows: Mapping[str, Counter[str]]
    links: Counter[Link]


@dataclass(frozen=True)
class Damage:
    """What one linkage did to rows and links, beside an undisturbed one of the same files."""

    lost: int = 0
    doubled: int = 0
    misaligned: int = 0

    @classmethod
    def between(cls, undisturbed: Outcome, found: Outcome) -> Damage:
        """lost: rows without a token, and links that are missing; doubled: rows or links that came more than once;
        misaligned: links that no undisturbed linkage makes."""
        lost = sum(len(rows.keys() - found.rows[name].keys()) for name, rows in undisturbed.rows.items())
        doubled = sum(sum(rows.values()) - len(rows) for rows in found.rows.values())
        return cls(
            lost=lost + len(undisturbed.links.keys() - found.links.keys()),
            doubled=doubled + sum(found.links.values()) - len(found.links),
            misaligned=len(found.links.keys() - undisturbed.links.keys()),
        )


@dataclass(repr=False)
class Parties:
    """The parties of one agreement, who encode their files anew for every linkage."""

    linkage: Linkage
    holders: Sequence[Holder]
    cohorts: dict[str, Normalised]
    root: Path

    @classmethod
    def gathered(cls, root: Path, rows: tuple[int, int], *, seed: int) -> tuple[Parties, str]:
        """With made-up files in ``root``, and a broker's home in it, whose passphrase is given too."""
        files = write_demo(root, seed=seed, council_rows=rows[0], icb_rows=rows[1])
        given = [
            HolderFiles("council", files.council, files.council_columns),
            HolderFiles("icb", files.icb, files.icb_columns),
        ]
        columns = {one.name: one.load_columns() for one in given}
        terms = default_terms({name: identifiers_of(one) for name, one in columns.items()}, minimum_rows=1)
        cast: Cast = gather(list(columns))
        holders = [Holder(one, columns[one.name], cast.holders[one.name], Workspace(root / one.name)) for one in given]
        for holder in holders:
            write_identity(holder.workspace, holder.identity)
        cohorts = {one.files.name: one.read(terms, today=REFERENCE_DAY) for one in holders}
        passphrase = write_identity(Workspace(root / "broker"), cast.broker)
        return cls(Linkage(agree(terms, cast), cast, ""), holders, cohorts, root), passphrase

    def meet(self, url: str, *, quiet: bool = True) -> None:
        """Put the agreement in force at this address, make the secret, encode and upload."""
        self.linkage.url = url
        self.linkage.prepare(self.holders, self.cohorts, _reporter(quiet=quiet))

    def link(self) -> tuple[str, Outcome]:
        """From encoding to fetched results: the run and its outcome."""
        for holder in self.holders:
            holder.encode(self.cohorts[holder.files.name])
        for holder in self.holders:
            insist(lambda holder=holder: self._upload(holder))  # type: ignore[misc]
        run = self._start()
        while insist(lambda: self._state(run)) != "matched":
            time.sleep(_PAUSE_SECONDS)
        while insist(lambda: self._state(run)) not in ("approved", "released"):
            insist(lambda: self._approve(run))
        while insist(lambda: self._state(run)) != "released":
            time.sleep(_PAUSE_SECONDS)
        return run, insist(lambda: self._fetch(run))

    def check_log(self) -> None:
        """Every IG lead checks and countersigns it. Raises what ``log verify`` does."""
        insist(lambda: self.linkage.check_log(self.root, _reporter()))

    def _upload(self, holder: Holder) -> None:
        agreement, _ = holder.workspace.load_agreement()
        upload(
            holder.workspace,
            self.linkage.door(holder.identity),
            agreement=agreement,
            identity=holder.identity,
            patience=Patience(lambda seconds: time.sleep(_PAUSE_SECONDS), lambda line: None, tries=_TRIES),
        )

    def _start(self) -> str:
        """A run; if one is under way already, that one: the answer was lost, not the run."""
        before = set(insist(self._started))

        def start() -> str:
            mine = [run for run in self._started() if run not in before]
            return mine[0] if mine else self.linkage.start(self.holders[0])

        return insist(start)

    def _started(self) -> list[str]:
        door = self.linkage.door(self.holders[0].identity)
        return [one["run"] for one in runs_of(door, self.linkage.agreement.id)]

    def _state(self, run: str) -> str:
        status = self.linkage.door(self.holders[0].identity).get(f"/v1/runs/{run}")
        if status["state"] == "failed":
            raise RuntimeError(f"the run failed: {status['problem']['what']}")
        return str(status["state"])

    def _approve(self, run: str) -> None:
        self.linkage.approve(run)

    def _fetch(self, run: str) -> Outcome:
        fetched = self.linkage.fetch(self.holders, run)
        assert self.linkage.run_key is not None
        together: dict[str, list[tuple[str, str]]] = {}
        for name, results in fetched.items():
            keys = link_keys(list(results.values), run_key=self.linkage.run_key, pseudonym_key=b"k" * 32)
            for key, row in zip(keys, results.row_ids, strict=True):
                together.setdefault(key, []).append((name, row))
        rows = {name: Counter(results.row_ids) for name, results in fetched.items()}
        return Outcome(rows, _links(together.values()))


def insist(ask: Callable[[], Answer]) -> Answer:
    """Ask until the broker answers; also one that refuses for a while, as its disk is full or its clock wrong."""
    for _ in range(_TRIES):
        try:
            return ask()
        except BrokerRefused as error:
            last: BrokerRefused = error
            time.sleep(_PAUSE_SECONDS if isinstance(error, Unreachable) else 2 * _PAUSE_SECONDS)
    raise last


def _links(together: Iterable[Sequence[tuple[str, str]]]) -> Counter[Link]:
    return Counter(frozenset(rows) for rows in together if len(rows) > 1)


def _reporter(*, quiet: bool = True) -> Reporter:
    return Reporter(Console(stderr=True), quiet=quiet)
