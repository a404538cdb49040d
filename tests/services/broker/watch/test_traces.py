"""Spans of requests: what they say, to whom, and that nobody gets any unless a setting says so."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from services.broker.errors import BrokerError
from services.broker.watch import traces
from services.broker.watch.settings import WatchSettings
from services.broker.watch.traces import traced
from tests.services.broker.watch.collector import attributes, collecting

SAID = {"method": "GET", "route": "/v1/runs/{run}", "status": 200, "request_id": "0" * 31 + "a"}
AT = 1_800_000_000_000_000_000


def test_a_span_says_what_the_line_of_the_request_says(tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text("a-token-of-the-collector\n")
    with collecting() as collector:
        with traced(WatchSettings(traces_url=collector.url, traces_token_file=token)):
            traces.tell(AT, AT + 5_000_000, SAID)
            traces.tell(AT, AT + 1, {**SAID, "status": 500})
        first, second = collector.spans()
        assert (first.name, first.kind) == ("GET /v1/runs/{run}", Span.SPAN_KIND_SERVER)
        assert (first.start_time_unix_nano, first.end_time_unix_nano) == (AT, AT + 5_000_000)
        assert attributes(first) == {
            "http.request.method": "GET",
            "http.route": "/v1/runs/{run}",
            "http.response.status_code": 200,
            "counterfoil.request_id": SAID["request_id"],
        }
        assert (first.status.code, second.status.code) == (Status.STATUS_CODE_UNSET, Status.STATUS_CODE_ERROR)
        assert not first.parent_span_id
        assert first.trace_id != second.trace_id
        assert not first.events
        assert {one["service.name"] for one in collector.resources()} == {"counterfoil-broker"}
        assert {frozenset(one) for one in collector.resources()} == {frozenset({"service.name", "service.version"})}
        assert {headers["authorization"] for headers in collector.headers} == {"Bearer a-token-of-the-collector"}


def test_what_the_table_does_not_list_is_in_no_span() -> None:
    with collecting() as collector:
        with traced(WatchSettings(traces_url=collector.url)):
            traces.tell(AT, AT + 1, {"route": "/v1/9434765919", "method": "BEATRICE", "postcode": "CB1 2AB"})
            traces.tell(AT, AT + 1, {**SAID, "route": "none", "request_id": "9434765919"})
        first, second = collector.spans()
        assert (first.name, attributes(first)) == ("other none", {})
        assert set(attributes(second)) == {"http.request.method", "http.route", "http.response.status_code"}
        for word in (b"9434765919", b"BEATRICE", b"CB1 2AB"):
            assert word not in b"".join(collector.bodies)


def test_without_a_collector_nothing_is_sent() -> None:
    with collecting() as collector:
        with traced(WatchSettings()):
            traces.tell(AT, AT + 1, SAID)
        with traced(WatchSettings(traces_url=collector.url)):
            pass
        traces.tell(AT, AT + 1, SAID)
        assert collector.spans() == []


def test_a_collector_that_refuses_keeps_nobody_waiting_and_raises_nothing() -> None:
    with collecting(status=400) as collector:
        with traced(WatchSettings(traces_url=collector.url)):
            traces.tell(AT, AT + 1, SAID)
        assert len(collector.spans()) == 1


@pytest.mark.parametrize(
    "url",
    [
        "http://collector.example/v1/traces",
        "https://user:secret@collector.example/v1/traces",
        "https://collector.example/v1/traces?key=secret",
        "collector.example",
        "file:///v1/traces",
    ],
)
def test_an_address_in_the_open_or_with_a_secret_is_refused(url: str) -> None:
    with pytest.raises(BrokerError, match="in the open") as caught, traced(WatchSettings(traces_url=url)):
        pass
    assert "secret@" not in str(caught.value)


def test_a_token_that_cannot_be_read_is_said(tmp_path: Path) -> None:
    settings = WatchSettings(traces_url="https://collector.example/v1/traces", traces_token_file=tmp_path / "none")
    with pytest.raises(BrokerError, match="cannot be read"), traced(settings):
        pass


def test_software_that_is_missing_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "opentelemetry.exporter.otlp.proto.http.trace_exporter", None)
    settings = WatchSettings(traces_url="https://collector.example/v1/traces")
    with pytest.raises(BrokerError, match="not installed"), traced(settings):
        pass
