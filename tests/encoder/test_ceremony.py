"""The ceremony: all holders come by the same secret, and nothing but sealed bytes passes the broker."""

from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from encoder import ceremony
from encoder.ceremony import contribute, recall_secret
from encoder.errors import BrokerRefused, InputError
from encoder.workspace import Workspace
from keys.agreement import Agreement
from keys.envelope import seal_bytes
from keys.errors import AgreementError, EnvelopeError, KeysError, SecretError, SignatureError
from keys.kinds import Sealed
from keys.secret import Secret, combine
from tests.doors import HOLDERS, NOW, Post, drawn, folder, identity, signed, small_terms, unsigned

AGREEMENT = signed(small_terms())
THREE = signed(small_terms({**HOLDERS, "school": HOLDERS["council"]}))


class Scene:
    """The holders of an agreement with their folders, around one post."""

    def __init__(self, root: Path, agreement: Agreement = AGREEMENT) -> None:
        self.root, self.agreement, self.post = root, agreement, Post()
        self.names = [party.name for party in agreement.holders()]
        self.folders = {name: folder(root / name, agreement) for name in self.names}

    def contribute(
        self, name: str, agreement: Agreement | None = None, seed: str = "draw", now: datetime = NOW
    ) -> None:
        contribute(
            self.folders[name],
            self.post.door(name),
            agreement=agreement or self.agreement,
            identity=identity(name),
            now=now,
            random=drawn(f"{seed} {name}"),
        )

    def receive(self, name: str, agreement: Agreement | None = None, now: datetime = NOW) -> Secret:
        return ceremony.receive(
            self.folders[name],
            self.post.door(name),
            agreement=agreement or self.agreement,
            identity=identity(name),
            now=now,
            random=drawn(f"receive {name}"),
        )

    def kept(self, name: str) -> bytes:
        return self.folders[name].recall(Sealed.CONTRIBUTION, agreement=self.agreement.id, identity=identity(name))

    def forge(self, giver: str, taker: str, payload: bytes = b"f" * 32, signer: str = "", **changes: Any) -> None:
        """Put something else in the post, as if from ``giver`` to ``taker``."""
        options: dict[str, Any] = {
            "kind": Sealed.CONTRIBUTION,
            "agreement": self.agreement.id,
            "receiver": identity(taker).card.receiving,
        }
        options["sender"] = identity(signer or giver)
        self.post.carried[giver, taker] = seal_bytes(payload, random=drawn("forge"), **{**options, **changes})


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    return Scene(tmp_path)


def test_both_holders_reach_the_same_secret(scene: Scene) -> None:
    for name in scene.names:
        scene.contribute(name)
    secrets = [scene.receive(name) for name in scene.names]
    parts = {identity(name).card.fingerprint: scene.kept(name) for name in scene.names}
    assert secrets == [combine(parts, agreement=AGREEMENT.id)] * 2
    for name in scene.names:
        assert recall_secret(scene.folders[name], agreement=AGREEMENT, identity=identity(name)) == secrets[0]


def test_three_holders_need_all_three_and_are_told_who_is_awaited(tmp_path: Path) -> None:
    scene = Scene(tmp_path, THREE)
    scene.contribute("council")
    with pytest.raises(SecretError, match="icb and school have not contributed yet") as caught:
        scene.receive("council")
    assert "secret contribute" in caught.value.remedy
    scene.contribute("icb")
    for name in ("council", "icb"):
        with pytest.raises(SecretError, match=": school has not contributed yet"):
            scene.receive(name)
        assert not scene.folders[name].keeps(Sealed.LINKAGE_SECRET)
    scene.contribute("school")
    assert len({scene.receive(name).key() for name in scene.names}) == 1


def test_every_holder_sees_who_has_contributed_to_it(tmp_path: Path) -> None:
    scene = Scene(tmp_path, THREE)

    def seen_by(name: str) -> dict[str, bool]:
        return ceremony.contributed(scene.post.door(name), agreement=THREE, identity=identity(name))

    assert seen_by("council") == {"icb": False, "school": False}
    scene.contribute("icb")
    assert seen_by("council") == {"icb": True, "school": False}
    assert seen_by("icb") == {"council": False, "school": False}
    assert seen_by("school") == {"council": False, "icb": True}
    with pytest.raises(AgreementError, match="not a holder"):
        seen_by("recipient")


@pytest.mark.parametrize(
    ("answer", "what"),
    [
        (None, "does not have this agreement"),
        ({"destroyed": {"kind": "destruction receipt"}}, "has destroyed what it had"),
        ([], "not a broker"),
    ],
    ids=["unknown", "destroyed", "nonsense"],
)
def test_nobody_is_said_to_be_late_when_it_is_the_broker_that_has_nothing(
    scene: Scene, answer: object, what: str
) -> None:
    scene.contribute("council")
    scene.post.answer = answer
    with pytest.raises(BrokerRefused, match=what):
        scene.receive("council")
    with pytest.raises(BrokerRefused, match=what):
        ceremony.contributed(scene.post.door("council"), agreement=AGREEMENT, identity=identity("council"))


def test_two_ceremonies_reach_different_secrets(tmp_path: Path) -> None:
    secrets = []
    for seed in ("one", "two"):
        scene = Scene(tmp_path / seed)
        for name in scene.names:
            scene.contribute(name, seed=seed)
        secrets.append(scene.receive("icb"))
    assert secrets[0] != secrets[1]


def test_the_post_carries_nothing_that_opens_itself(scene: Scene) -> None:
    for name in scene.names:
        scene.contribute(name)
    secret = scene.receive("council").key()
    drawn_bytes = [secret, *(scene.kept(name) for name in scene.names)]
    kept = [path.read_bytes() for path in scene.root.rglob("*") if path.is_file()]
    for part in drawn_bytes:
        for data in [*scene.post.carried.values(), *kept]:
            assert part not in data
            assert part.hex().encode() not in data


def test_contributing_again_sends_the_same_bytes(scene: Scene) -> None:
    scene.contribute("council")
    first, carried = scene.kept("council"), dict(scene.post.carried)
    scene.contribute("council", seed="other random bytes")
    assert scene.kept("council") == first
    assert scene.post.carried == carried


def test_a_contribution_that_was_not_sent_is_sent_later_unchanged(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    def cut_off(*_: object) -> None:
        raise BrokerRefused("The broker cannot be reached.", remedy="Try again.")

    with monkeypatch.context() as patch:
        patch.setattr("tests.doors.PostDoor.put_bytes", cut_off)
        with pytest.raises(BrokerRefused):
            scene.contribute("council")
    drawn_before = scene.kept("council")
    scene.contribute("council", seed="other random bytes")
    assert scene.kept("council") == drawn_before
    scene.contribute("icb")
    assert scene.receive("council") == scene.receive("icb")


def test_receiving_again_gives_the_same_secret(scene: Scene) -> None:
    for name in scene.names:
        scene.contribute(name)
    assert scene.receive("icb") == scene.receive("icb")


def test_receiving_before_contributing_is_refused(scene: Scene) -> None:
    scene.contribute("icb")
    with pytest.raises(InputError, match=r"no contribution here\. Contribute first"):
        scene.receive("council")


def test_recalling_before_receiving_is_refused(scene: Scene) -> None:
    with pytest.raises(InputError, match="no linkage secret here"):
        recall_secret(scene.folders["council"], agreement=AGREEMENT, identity=identity("council"))


_FORGERIES: dict[str, tuple[Callable[[Scene], None], type[KeysError]]] = {
    "by an outsider": (lambda scene: scene.forge("icb", "council", signer="Eve"), EnvelopeError),
    "by the broker": (lambda scene: scene.forge("icb", "council", signer="broker"), EnvelopeError),
    "for another agreement": (lambda scene: scene.forge("icb", "council", agreement=THREE.id), EnvelopeError),
    "of another kind": (lambda scene: scene.forge("icb", "council", kind="upload"), EnvelopeError),
    "to another party": (
        lambda scene: scene.forge("icb", "council", receiver=identity("Eve").card.receiving),
        EnvelopeError,
    ),
    "too short": (lambda scene: scene.forge("icb", "council", b"f" * 31), SecretError),
    "empty": (lambda scene: scene.forge("icb", "council", b""), SecretError),
    "the same as ours": (lambda scene: scene.forge("icb", "council", scene.kept("council")), SecretError),
    "damaged": (lambda scene: damage(scene.post, ("icb", "council")), SignatureError),
    "our own, sent back": (
        lambda scene: scene.post.carried.update({("icb", "council"): scene.post.carried["council", "icb"]}),
        EnvelopeError,
    ),
}


def damage(post: Post, which: tuple[str, str]) -> None:
    data = bytearray(post.carried[which])
    data[-100] ^= 1
    post.carried[which] = bytes(data)


@pytest.mark.parametrize(("forge", "error"), _FORGERIES.values(), ids=_FORGERIES)
def test_a_contribution_that_is_not_what_it_should_be_is_refused(
    scene: Scene, forge: Callable[[Scene], None], error: type[KeysError]
) -> None:
    for name in scene.names:
        scene.contribute(name)
    forge(scene)
    with pytest.raises(error):
        scene.receive("council")
    assert not scene.folders["council"].keeps(Sealed.LINKAGE_SECRET)


@pytest.mark.parametrize("name", ["broker", "recipient", "council-lead", "Eve"])
def test_only_holders_take_part(tmp_path: Path, name: str) -> None:
    who, door = Workspace(tmp_path), Post().door(name)
    for step in (contribute, ceremony.receive):
        with pytest.raises(AgreementError, match="not a holder"):
            step(who, door, agreement=AGREEMENT, identity=identity(name), now=NOW, random=drawn("x"))
    assert not [*tmp_path.iterdir()]


def test_i10_nothing_is_drawn_or_combined_before_every_party_has_signed(scene: Scene) -> None:
    almost = unsigned(AGREEMENT.terms).with_signatures(AGREEMENT.signatures[1:])
    with pytest.raises(AgreementError, match="not signed"):
        scene.contribute("council", almost)
    assert not scene.folders["council"].keeps(Sealed.CONTRIBUTION)
    for name in scene.names:
        scene.contribute(name)
    with pytest.raises(AgreementError, match="not signed"):
        scene.receive("council", almost)
    assert not scene.folders["council"].keeps(Sealed.LINKAGE_SECRET)


def test_i10_nothing_is_drawn_or_combined_after_the_agreement_has_expired(scene: Scene) -> None:
    expires = AGREEMENT.terms.expires_at()
    with pytest.raises(AgreementError, match="expired at 2027-12-31"):
        scene.contribute("council", now=expires)
    assert not scene.folders["council"].keeps(Sealed.CONTRIBUTION)
    assert scene.post.carried == {}
    just_before = expires - timedelta(microseconds=1)
    for name in scene.names:
        scene.contribute(name, now=just_before)
    with pytest.raises(AgreementError, match="expired at 2027-12-31"):
        scene.receive("council", now=expires)
    assert not scene.folders["council"].keeps(Sealed.LINKAGE_SECRET)
    assert scene.receive("council", now=just_before) == scene.receive("icb", now=just_before)


def test_a_folder_serves_one_agreement(scene: Scene) -> None:
    scene.contribute("council")
    with pytest.raises(EnvelopeError, match="another agreement"):
        scene.contribute("council", signed(small_terms(title="Another agreement")))
