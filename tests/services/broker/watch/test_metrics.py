"""What is counted, how coarsely, and that pages, alerts and charts speak of metrics that there are."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml

from keys.protocol import Event, State
from services.broker.audit import record
from services.broker.files.storage import Storage
from services.broker.office import Office
from services.broker.watch import metrics
from services.broker.watch.books import Books
from services.broker.watch.fields import DUTIES
from services.broker.watch.requests import route_of
from tests.services.broker.watch.pages import METRICS, labels_of, metrics_page, names

MONITORING = Path(__file__).parents[4] / "deploy" / "monitoring"
HOW_TO = Path(__file__).parents[4] / "docs" / "how-to" / "watch-a-broker.md"
NOW = datetime(2026, 6, 1, tzinfo=UTC)


def test_a_sum_grows_by_whole_steps_and_loses_nothing() -> None:
    steps = metrics.Steps(10)
    assert [steps.add(amount) for amount in (9, 0, 1, 25, 4, 1)] == [0, 0, 10, 20, 0, 10]


def test_a_duration_is_the_bound_of_its_bucket() -> None:
    assert [metrics.bound(value, (1.0, 5.0)) for value in (0.0, 1.0, 1.01, 5.0, 7.5)] == [1.0, 1.0, 5.0, 5.0, 10.0]


@pytest.mark.parametrize(
    ("before", "state", "phase", "told"),
    [
        ({"state": "accepted", "begun_at": "2026-05-31T23:59:30+00:00"}, State.MATCHED, "match", 60.0),
        ({"state": "approved", "changed_at": "2026-05-31T23:00:00+00:00"}, State.RELEASED, "release", 3600.0),
        ({"state": "matched", "begun_at": "2026-05-31T23:59:30+00:00"}, State.MATCHED, "match", 0.0),
    ],
)
def test_a_run_is_timed_once(before: dict[str, Any], state: State, phase: str, told: float) -> None:
    row = {"begun_at": None, "changed_at": None, **before}
    total = metrics.RUN_SECONDS.labels(phase)._sum.get()
    metrics.run_changed(row, state, NOW)
    assert metrics.RUN_SECONDS.labels(phase)._sum.get() - total == told


def test_an_entry_counts_once_it_is_there_to_stay_and_a_failure_at_once(office: Office) -> None:
    def counted() -> tuple[float, float]:
        return metrics.EVENTS.labels("run started")._value.get(), metrics.AUDIT_FAILURES._value.get()

    entries, failures = counted()
    with office.store.transaction("record") as connection:
        record(office, connection, Event.RUN_STARTED, agreement="a", run="r")
        assert counted() == (entries, failures)
    assert counted() == (entries + 1, failures)
    with office.store.engine.connect() as undone:
        record(office, undone, Event.RUN_STARTED, agreement="a", run="r")
        undone.rollback()
    with office.store.transaction("another") as connection:
        record(office, connection, Event.UPLOAD_ACCEPTED, agreement="a")
    assert counted() == (entries + 1, failures)
    with pytest.raises(Exception, match="canonical"), office.store.transaction("record") as connection:
        record(office, connection, Event.RUN_STARTED, agreement="a", run=object())
    assert counted() == (entries + 1, failures + 1)


def test_a_database_that_is_gone_is_told_and_the_rest_is_there(office: Office) -> None:
    books = Books(office, lambda: {"match": 2})
    there = {metric.name: metric.samples for metric in books.collect()}
    assert there["counterfoil_database_up"][0].value == 1
    assert there["counterfoil_queue_depth"][0].value == 2
    assert {sample.labels["state"] for sample in there["counterfoil_runs"]} == {state.value for state in State}
    assert there["counterfoil_storage_free_bytes"][0].value % metrics.STEP == 0

    def fail() -> dict[str, int]:
        raise OSError

    gone = {metric.name: metric.samples for metric in Books(office, fail).collect()}
    assert gone["counterfoil_database_up"][0].value == 0
    assert set(there) - set(gone) == {"counterfoil_runs", "counterfoil_queue_depth", "counterfoil_workers"}


def test_the_disk_that_is_told_is_that_of_the_storage(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    elsewhere = Storage(office.settings.home.parent / "elsewhere" / "storage")
    asked: list[Path] = []

    def usage(folder: Path) -> SimpleNamespace:
        asked.append(folder)
        return SimpleNamespace(free=3 * metrics.STEP + 1, total=5 * metrics.STEP)

    monkeypatch.setattr("shutil.disk_usage", usage)
    there = {one.name: one.samples for one in Books(replace(office, storage=elsewhere), dict).collect()}
    assert asked == [office.settings.home.parent]
    assert there["counterfoil_storage_free_bytes"][0].value == 3 * metrics.STEP
    assert there["counterfoil_storage_size_bytes"][0].value == 5 * metrics.STEP


@pytest.mark.parametrize(
    ("path", "template", "told"),
    [
        ("/v1/runs/0af3", "/runs/{run}", "/v1/runs/{run}"),
        ("/v1/runs/0af3", "/v1/runs/{run}", "/v1/runs/{run}"),
        ("/healthz", "/healthz", "/healthz"),
        ("/v1/0af3", None, "none"),
    ],
)
def test_a_request_is_told_by_its_template(path: str, template: str | None, told: str) -> None:
    route = {} if template is None else {"route": SimpleNamespace(path=template)}
    assert route_of({"path": path, **route}) == told


def test_no_label_is_an_id_or_says_whose_it_is() -> None:
    allowed = {"method", "route", "status", "outcome", "event", "phase", "duty", "level", "what", "version", "python"}
    for metric in metrics.REGISTRY.collect():
        if metric.type != "unknown" and not metric.name.startswith(("counterfoil_runs", "counterfoil_queue")):
            assert set(labels_of(metric.name)) <= allowed


def test_the_page_says_what_is_counted() -> None:
    assert METRICS.read_text(encoding="utf-8") == metrics_page()


def alerts() -> list[dict[str, Any]]:
    (group,) = yaml.safe_load((MONITORING / "alerts.yaml").read_text(encoding="utf-8"))["groups"]
    found: list[dict[str, Any]] = group["rules"]
    return found


def queries() -> list[str]:
    dashboard = json.loads((MONITORING / "dashboard.json").read_text(encoding="utf-8"))
    return [target["expr"] for panel in dashboard["panels"] for target in panel["targets"]]


def named(query: str) -> set[str]:
    return set(re.findall(r"counterfoil_\w+", query))


@pytest.mark.parametrize("query", [*(rule["expr"] for rule in alerts()), *queries()])
def test_a_query_speaks_of_metrics_and_labels_that_there_are(query: str) -> None:
    assert named(query) <= names()
    assert named(query) or "up{" in query
    labels = set(re.findall(r"(\w+)=~?\"", query))
    for grouped in re.findall(r"by \(([\w, ]+)\)", query):
        labels |= set(grouped.split(", "))
    every = {"job", "instance", "le"} | {label for row in METRICS.read_text().split("\n") for label in cells(row)}
    assert labels <= every
    balanced(query)


def cells(row: str) -> list[str]:
    parts = row.split("|")
    return re.findall(r"`(\w+)`", parts[3]) if len(parts) == 6 else []


def balanced(query: str) -> None:
    """No bracket and no quotation mark is left open, and every range is a duration."""
    bare = re.sub(r'"[^"]*"', "", query)
    assert '"' not in bare
    open_: list[str] = []
    for one in bare:
        if one in "([{":
            open_.append(one)
        elif one in ")]}":
            assert open_, query
            assert open_.pop() + one in ("()", "[]", "{}")
    assert not open_
    assert all(re.fullmatch(r"\d+[smhd]", window) for window in re.findall(r"\[([^\]]*)\]", bare))


def test_an_open_bracket_would_be_found() -> None:
    for wrong in ("sum(x", "x[5]", 'x{a="b}', "x)"):
        with pytest.raises(AssertionError):
            balanced(wrong)


def test_every_metric_is_on_the_charts_or_alerts_somebody() -> None:
    shown = set().union(*(named(query) for query in (*queries(), *(rule["expr"] for rule in alerts()))))
    parts = re.compile("_(bucket|count|sum)$")
    assert {parts.sub("", name) for name in names()} == {parts.sub("", name) for name in shown}


def test_every_alert_is_a_whole_rule_and_says_what_to_do() -> None:
    text = HOW_TO.read_text(encoding="utf-8")
    for rule in alerts():
        assert set(rule) <= {"alert", "expr", "for", "labels", "annotations"}
        assert rule["labels"]["severity"] in ("critical", "warning")
        assert rule["annotations"]["summary"].endswith(".")
        assert re.fullmatch(r"\d+[smh]", rule.get("for", "1m"))
        assert f"`{rule['alert']}`" in text
    assert len({rule["alert"] for rule in alerts()}) == len(alerts())
    assert set(DUTIES) == {"checking", "destruction", "sweep"}


def test_prometheus_finds_its_rules() -> None:
    document = yaml.safe_load((MONITORING / "prometheus.yaml").read_text(encoding="utf-8"))
    assert all((MONITORING / file).is_file() for file in document["rule_files"])
    assert [job["job_name"] for job in document["scrape_configs"]] == ["counterfoil"]
