"""The broker's door: what answers must be a broker, and its refusals reach the person as they are."""

from collections.abc import Callable
from typing import Any

import httpx
import pytest

from encoder.door import Door
from encoder.errors import BrokerRefused, NothingThere
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


def test_every_request_is_signed_for_this_broker(door: Callable[[Answer], Door], tmp_path: Any) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        request.read()
        message = Message(request.method, str(request.url), dict(request.headers))
        card = identity("council").card
        signer = verify_request(message, broker=BROKER.fingerprint, card_of={card.fingerprint: card}.get, now=NOW)
        return httpx.Response(200, json={"method": request.method, "who": signer.fingerprint, "nonce": signer.nonce})

    file = tmp_path / "upload"
    file.write_bytes(b"sealed bytes")
    parts: list[int] = []
    opened = door(answer)
    answers = [
        opened.get("/v1/x?part=1"),
        opened.post("/v1/x", {"a": 1}),
        opened.put_bytes("/v1/x", b"data"),
        opened.put_file("/v1/x", file, progress=parts.append),
    ]
    assert opened.get_bytes("/v1/x").startswith(b"{")
    assert [one["method"] for one in answers] == ["GET", "POST", "PUT", "PUT"]
    assert {one["who"] for one in answers} == {identity("council").card.fingerprint}
    assert len({one["nonce"] for one in answers}) == 4
    assert parts == [12]


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

    with pytest.raises(BrokerRefused, match="cannot be reached") as caught:
        door(answer).get("/v1/x")
    assert caught.value.where == "https://broker.example"


def test_a_redirect_is_not_followed(door: Callable[[Answer], Door]) -> None:
    with pytest.raises(BrokerRefused, match="status 302"):
        door(lambda _: httpx.Response(302, headers={"Location": "https://elsewhere.example/"})).get("/v1/x")
