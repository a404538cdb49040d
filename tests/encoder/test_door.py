"""The broker's door: what answers must be a broker, and its refusals reach the person as they are."""

from collections.abc import Callable
from typing import Any

import httpx
import pytest

from encoder.door import Door, Pending
from encoder.errors import BrokerRefused, InputError, NothingThere, Unreachable
from encoder.network import broker_address
from keys.request import Message, verify_request
from tests.doors import NOW, drawn, identity

BROKER = identity("broker").card
Answer = Callable[[httpx.Request], httpx.Response]


@pytest.fixture
def door(monkeypatch: pytest.MonkeyPatch) -> Callable[[Answer], Door]:
    def open_door(answer: Answer) -> Door:
        class Wire(httpx.Client):
            def __init__(self, **_: Any) -> None:
                super().__init__(transport=httpx.MockTransport(answer))

        monkeypatch.setattr("encoder.door.httpx.Client", Wire)
        return Door(
            "https://broker.example/",
            identity=identity("council"),
            broker=BROKER.fingerprint,
            now=lambda: NOW,
            random=drawn("door"),
        )

    return open_door


def test_every_request_is_signed_for_this_broker(door: Callable[[Answer], Door]) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        request.read()
        message = Message(request.method, str(request.url), dict(request.headers))
        card = identity("council").card
        signer = verify_request(message, broker=BROKER.fingerprint, card_of={card.fingerprint: card}.get, now=NOW)
        return httpx.Response(200, json={"method": request.method, "who": signer.fingerprint, "nonce": signer.nonce})

    opened = door(answer)
    answers = [
        opened.get("/v1/x?part=1"),
        opened.post("/v1/x", {"a": 1}),
        opened.put_bytes("/v1/x", b"data"),
        opened.put("/v1/x", {"a": 1}),
    ]
    assert opened.get_bytes("/v1/x").startswith(b"{")
    assert [one["method"] for one in answers] == ["GET", "POST", "PUT", "PUT"]
    assert {one["who"] for one in answers} == {identity("council").card.fingerprint}
    assert len({one["nonce"] for one in answers}) == 4


def test_a_refusal_comes_with_the_brokers_words(door: Callable[[Answer], Door]) -> None:
    problem = {"title": "The agreement has expired.", "detail": "Make a new one."}
    with pytest.raises(BrokerRefused, match="agreement has expired") as caught:
        door(lambda _: httpx.Response(409, json=problem)).get("/v1/x")
    assert caught.value.remedy == "Make a new one."
    assert caught.value.where == "https://broker.example/v1/x"


@pytest.mark.parametrize(("kind", "nothing"), [("not-found", True), ("conflict", False), ("not-found-at-all", False)])
def test_nothing_being_there_is_told_from_other_refusals(
    door: Callable[[Answer], Door], kind: str, nothing: bool
) -> None:
    problem = {"type": f"urn:counterfoil:problem:{kind}", "title": "There is nothing here.", "detail": "Check."}
    with pytest.raises(BrokerRefused, match="nothing here") as caught:
        door(lambda _: httpx.Response(404, json=problem)).get("/v1/x")
    assert isinstance(caught.value, NothingThere) == nothing


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b"null", b'{"title":"only"}', b"\xff"], ids=repr)
def test_a_refusal_without_a_reason_is_told_as_such(door: Callable[[Answer], Door], body: bytes) -> None:
    with pytest.raises(BrokerRefused, match="status 502 and no reason"):
        door(lambda _: httpx.Response(502, content=body)).get("/v1/x")


@pytest.mark.parametrize("body", [b"", b"<html>please sign in</html>", b"\xff", b'{"a":1,"a":2}'], ids=repr)
def test_an_answer_that_is_no_brokers_is_refused(door: Callable[[Answer], Door], body: bytes) -> None:
    opened = door(lambda _: httpx.Response(200, content=body))
    asks: list[Callable[[], Any]] = [
        lambda: opened.get("/v1/x"),
        lambda: opened.post("/v1/x", {}),
        lambda: opened.put_bytes("/v1/x", b""),
        lambda: opened.put("/v1/x", {}),
    ]
    for ask in asks:
        with pytest.raises(BrokerRefused, match="not a broker") as caught:
            ask()
        assert "proxy" in caught.value.remedy


@pytest.mark.parametrize("fault", [httpx.ConnectError, httpx.ReadTimeout, httpx.RemoteProtocolError])
def test_a_broker_that_cannot_be_reached_is_named(
    door: Callable[[Answer], Door], fault: type[httpx.TransportError]
) -> None:
    def answer(_: httpx.Request) -> httpx.Response:
        raise fault("no")

    with pytest.raises(Unreachable, match="cannot be reached") as caught:
        door(answer).get("/v1/x")
    assert caught.value.where == "https://broker.example"
    assert "counterfoil doctor --broker" in caught.value.remedy


@pytest.mark.parametrize("status", [408, 429, 502, 503, 504])
@pytest.mark.parametrize(
    ("said", "seconds"),
    [({}, None), ({"Retry-After": "7"}, 7.0), ({"Retry-After": "Wed, 21 Oct 2026 07:28:00 GMT"}, None)],
)
def test_who_is_busy_may_be_asked_again(
    door: Callable[[Answer], Door], status: int, said: dict[str, str], seconds: float | None
) -> None:
    with pytest.raises(Unreachable, match=f"status {status} and no reason") as caught:
        door(lambda _: httpx.Response(status, headers=said)).get("/v1/x")
    assert caught.value.retry_after == seconds


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 413, 422, 500, 501, 507])
def test_a_refusal_is_not_asked_again(door: Callable[[Answer], Door], status: int) -> None:
    with pytest.raises(BrokerRefused) as caught:
        door(lambda _: httpx.Response(status)).get("/v1/x")
    assert not isinstance(caught.value, Unreachable)


def test_a_proxy_that_wants_a_password_is_told_from_a_broker(door: Callable[[Answer], Door]) -> None:
    with pytest.raises(BrokerRefused, match="proxy wants a user name") as caught:
        door(lambda _: httpx.Response(407)).get("/v1/x")
    assert "HTTPS_PROXY" in caught.value.remedy


@pytest.mark.parametrize(
    "address",
    [
        "http://broker.example",
        "http://127.0.0.1.broker.example",
        "http://10.0.0.1:8750",
        "broker.example",
        "ftp://127.0.0.1",
        "https://",
        "https://[",
        "",
        "https://analyst:hunter2@broker.example",
        "https://broker.example/?a=1",
    ],
)
def test_an_address_that_is_not_https_is_refused(address: str) -> None:
    with pytest.raises(InputError, match="not a broker's address") as caught:
        broker_address(address)
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    "address",
    ["https://broker.example", "https://broker.example:8443/linkage/", "http://127.0.0.1:8750", "http://[::1]:1"],
)
def test_https_and_this_computer_are_addresses_of_a_broker(address: str) -> None:
    assert broker_address(address) == address.rstrip("/")


def test_a_redirect_is_not_followed(door: Callable[[Answer], Door]) -> None:
    with pytest.raises(BrokerRefused, match="status 302"):
        door(lambda _: httpx.Response(302, headers={"Location": "https://elsewhere.example/"})).get("/v1/x")


@pytest.mark.parametrize(("retry_after", "seconds"), [("7", 7), ("0", 1), ("", 1), ("soon", 1)])
def test_what_takes_long_is_pending_or_there(door: Callable[[Answer], Door], retry_after: str, seconds: float) -> None:
    asked: list[tuple[str, str, bytes]] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append((request.method, request.headers["prefer"], request.read()))
        if len(asked) == 1:
            return httpx.Response(202, json={"state": "checking"}, headers={"Retry-After": retry_after})
        return httpx.Response(200, json={"receipt": 1})

    opened = door(answer)
    assert opened.outcome("POST", "/v1/x/complete", wait=2) == Pending(seconds)
    assert opened.outcome("GET", "/v1/x/receipt", wait=5) == {"receipt": 1}
    assert asked == [("POST", "respond-async, wait=2", b"{}"), ("GET", "respond-async, wait=5", b"")]
