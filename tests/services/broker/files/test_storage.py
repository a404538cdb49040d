"""The broker's files: one contract, whatever keeps them; where they lie, said without a secret; a linkage from afar."""

from __future__ import annotations

import errno
import hashlib
import secrets
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from obstore.store import AzureStore, MemoryStore

from encoder.workspace import Workspace
from keys.errors import EnvelopeError
from services.broker.errors import BrokerError, StorageAway
from services.broker.files.objects import ObjectStorage
from services.broker.files.storage import Storage
from services.broker.files.storage_url import open_storage
from services.broker.settings import Settings
from services.rehearsal.party import gather, write_identity
from services.rehearsal.server import launch
from tests.broker import Broker
from tests.s3 import BUCKET, PAGE, SECRET, Bucket, s3_server
from tests.stage import Scene, children

LARGE = secrets.token_bytes((17 << 20) + 5)
"""Larger than two parts in which an object is put, and than what is read of one at once."""


@pytest.fixture(scope="module")
def bucket() -> Iterator[Bucket]:
    with s3_server() as served:
        yield served


@pytest.fixture(params=["folder", "memory", "s3"])
def storage(request: pytest.FixtureRequest, tmp_path: Path, bucket: Bucket) -> Storage:
    match request.param:
        case "folder":
            return open_storage(Settings(home=tmp_path, storage_url=f"file://{tmp_path}/else where"))
        case "memory":
            return ObjectStorage(tmp_path, MemoryStore())
    bucket.objects.clear()
    options = bucket.options(tmp_path / "options.toml")
    return open_storage(Settings(home=tmp_path, storage_url=f"s3://{BUCKET}/some/where", storage_options=options))


def test_what_is_put_is_there_and_replaced_as_a_whole(storage: Storage) -> None:
    name = "runs/one/link-ids"
    assert (storage.has(name), storage.size(name), storage.read(name)) == (False, 0, None)
    with pytest.raises(FileNotFoundError):
        storage.open(name)
    for data in (b"first and longer", b"second", b""):
        storage.put(name, data)
        assert (storage.has(name), storage.size(name), storage.read(name)) == (True, len(data), data)
    storage.remove(name)
    storage.remove(name)
    assert (storage.has(name), storage.read(name)) == (False, None)


def test_what_is_sealed_opens_under_its_name_alone(storage: Storage) -> None:
    key = bytes(32)
    storage.put_sealed("runs/one/pairs", b"pairs", key=key, random=secrets.token_bytes)
    assert storage.get_sealed("runs/one/pairs", key=key) == b"pairs"
    sealed = storage.read("runs/one/pairs")
    assert sealed is not None
    assert b"pairs" not in sealed
    storage.put("runs/two/pairs", sealed)
    with pytest.raises(EnvelopeError):
        storage.get_sealed("runs/two/pairs", key=key)
    with pytest.raises(FileNotFoundError):
        storage.get_sealed("runs/three/pairs", key=key)


def test_a_part_comes_in_takes_its_place_and_is_read_from_any_place(storage: Storage) -> None:
    part = storage.part()
    part.write_bytes(LARGE)
    storage.accept(part, "agreements/a/uploads/1")
    assert not part.exists()
    assert storage.size("agreements/a/uploads/1") == len(LARGE)
    hashed = hashlib.sha256()
    with storage.open("agreements/a/uploads/1") as stream:
        while data := stream.read(1 << 20):
            hashed.update(data)
        assert stream.seek(0, 2) == len(LARGE)
        assert stream.read(1) == b""
        assert stream.seek(len(LARGE) - 3) == len(LARGE) - 3
        assert stream.read() == LARGE[-3:]
        stream.seek(9 << 20)
        assert (stream.read(10), stream.tell()) == (LARGE[9 << 20 : (9 << 20) + 10], (9 << 20) + 10)
    assert hashed.digest() == hashlib.sha256(LARGE).digest()


def test_a_folder_is_what_lies_in_it(storage: Storage) -> None:
    names = [f"agreements/a/uploads/{number:02d}" for number in range(2 * PAGE + 1)]
    for name in (*names, "agreements/ab/uploads/1", "agreements/b/incoming/2/000000.ff", "runs/3/pairs"):
        storage.put(name, b"x")
    assert storage.folders("agreements") == ["a", "ab", "b"]
    assert storage.folders("agreements/a/uploads") == [name[-2:] for name in names]
    assert storage.folders("agreements/b/incoming") == ["2"]
    for nowhere in ("agreements/a/incoming", "elsewhere"):
        assert storage.folders(nowhere) == []
    for _ in range(2):
        storage.remove_folder("agreements/a")
        assert storage.folders("agreements") == ["ab", "b"]
    assert storage.read("agreements/ab/uploads/1") == b"x"
    assert storage.read("runs/3/pairs") == b"x"


def test_what_a_crash_left_of_what_was_coming_in_is_discarded(storage: Storage) -> None:
    storage.put("runs/3/pairs", b"x")
    for _ in range(2):
        storage.part().write_bytes(b"half of")
    assert len(storage.folders("quarantine")) == 2
    storage.discard_parts()
    assert storage.folders("quarantine") == []
    assert storage.read("runs/3/pairs") == b"x"


def test_files_of_a_folder_are_for_the_broker_alone(tmp_path: Path) -> None:
    storage = open_storage(Settings(home=tmp_path))
    storage.put("runs/one/pairs", b"pairs")
    assert (tmp_path / "storage/runs/one/pairs").stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "storage/runs/one").stat().st_mode & 0o077 == 0


def test_a_large_object_is_put_in_parts_and_nothing_is_there_before_the_last(tmp_path: Path, bucket: Bucket) -> None:
    storage = s3_storage(tmp_path, bucket)
    bucket.asked.clear()
    part = storage.part()
    part.write_bytes(LARGE)
    storage.accept(part, "agreements/a/uploads/9")
    posted = [query for method, query, _ in bucket.asked if method == "POST"]
    assert (posted[0], len(posted)) == ("uploads=", 2) or (posted[0], len(posted)) == ("uploads", 2)
    assert sum("partNumber" in query for _, query, _ in bucket.asked) == 3
    assert bucket.uploads == {}


def test_a_large_object_for_which_there_is_no_room_leaves_nothing_and_can_be_put_later(
    tmp_path: Path, bucket: Bucket
) -> None:
    storage = s3_storage(tmp_path, bucket)
    bucket.objects.clear()
    part = storage.part()
    part.write_bytes(LARGE)
    bucket.room = len(LARGE) - 1
    with pytest.raises(OSError, match="is full") as refused:
        storage.accept(part, "agreements/a/uploads/8")
    assert refused.value.errno == errno.ENOSPC
    assert (bucket.objects, bucket.uploads) == ({}, {})
    bucket.room = len(LARGE)
    storage.accept(part, "agreements/a/uploads/8")
    assert [len(data) for data in bucket.objects.values()] == [len(LARGE)]
    bucket.room = 1 << 40


def test_a_storage_that_is_out_of_reach_is_away(tmp_path: Path) -> None:
    with s3_server() as gone:
        storage = s3_storage(tmp_path, gone)
    for ask in (partial(storage.put, "runs/1/pairs", b"x"), partial(storage.folders, "runs")):
        with pytest.raises(StorageAway):
            ask()


def s3_storage(home: Path, bucket: Bucket, **options: str) -> Storage:
    file = bucket.options(home / "options.toml", **options)
    return open_storage(Settings(home=home, storage_url=f"s3://{BUCKET}/some/where", storage_options=file))


def test_what_an_object_storage_refuses_is_an_error_that_repeats_no_secret(tmp_path: Path, bucket: Bucket) -> None:
    storage = s3_storage(tmp_path, bucket, secret="another secret")
    with pytest.raises(OSError, match=r"SignatureDoesNotMatch|does not do this") as putting:
        storage.put("runs/1/pairs", b"x")
    with pytest.raises(OSError, match=r"SignatureDoesNotMatch|does not do this") as reading:
        storage.read("runs/1/pairs")
    assert "another secret" not in f"{putting.value} {reading.value}"
    assert "another secret" not in repr(storage)


@pytest.mark.parametrize(
    ("url", "what"),
    [
        ("s3://AKIA:topsecret@bucket/folder", "may not hold credentials"),
        ("s3://AKIA@bucket/topsecret", "may not hold credentials"),
        ("s3://bucket/folder?secret_access_key=topsecret", "may not hold credentials"),
        ("https://holder.blob.core.windows.net/uploads?sig=topsecret", "may not hold credentials"),
        ("s3://bucket/#topsecret", "may not hold credentials"),
        ("s3:///topsecret", "none that the broker knows"),
        ("gs://bucket/topsecret", "none that the broker knows"),
        ("file://elsewhere/topsecret", "none that the broker knows"),
        ("https://holder.blob.core.windows.net/", "none that the broker knows"),
        ("https://blob.core.windows.net.example/topsecret/x", "none that the broker knows"),
        ("/topsecret", "none that the broker knows"),
        ("s3://[topsecret/x", "not an address"),
    ],
)
def test_an_address_with_credentials_or_of_no_storage_is_refused_and_not_repeated(
    tmp_path: Path, url: str, what: str
) -> None:
    with pytest.raises(BrokerError, match=what) as refused:
        open_storage(Settings(home=tmp_path, storage_url=url))
    assert "topsecret" not in str(refused.value)


@pytest.mark.parametrize(
    ("text", "mode", "what"),
    [
        ('access_key_id = "AKIA"\n', 0o640, "Others may read"),
        ("secret_access_key = topsecret\n", 0o600, "cannot be read"),
        ('secret_access_key = ["topsecret"]\n', 0o600, "cannot be read"),
        ('secret_acess_key = "topsecret"\n', 0o600, "cannot be used"),
    ],
)
def test_options_that_others_may_read_or_that_nobody_can_are_refused(
    tmp_path: Path, text: str, mode: int, what: str
) -> None:
    file = tmp_path / "options.toml"
    file.touch(mode=mode)
    file.write_text(text)
    file.chmod(mode)
    with pytest.raises(BrokerError, match=what) as refused:
        open_storage(Settings(home=tmp_path, storage_url="s3://bucket/x", storage_options=file))
    assert "topsecret" not in str(refused.value)


@pytest.mark.parametrize(("mode", "taken"), [(0o440, True), (0o400, True), (0o444, False), (0o460, False)])
def test_options_of_another_user_are_for_a_group_at_most(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mode: int, taken: bool
) -> None:
    """As a container's secrets are: of root, read by the broker's group."""
    file = tmp_path / "options.toml"
    file.write_text('region = "eu-west-2"\n')
    file.chmod(mode)
    monkeypatch.setattr("os.geteuid", lambda: file.stat().st_uid + 1)
    settings = Settings(home=tmp_path, storage_url="s3://bucket/x", storage_options=file)
    if taken:
        assert isinstance(open_storage(settings), ObjectStorage)
    else:
        with pytest.raises(BrokerError, match="Others may read"):
            open_storage(settings)


def test_azure_is_reached_at_the_account_of_its_address(tmp_path: Path) -> None:
    file = tmp_path / "options.toml"
    file.touch(mode=0o600)
    file.write_text(f'account_key = "{"A" * 86}=="\n')
    url = "https://holder.blob.core.windows.net/uploads/some/where"
    storage = open_storage(Settings(home=tmp_path, storage_url=url, storage_options=file))
    assert isinstance(storage, ObjectStorage)
    assert isinstance(storage.objects, AzureStore)
    assert storage.objects.prefix == "some/where"
    assert "AAAA" not in repr(storage)


def test_a_whole_linkage_with_everything_in_an_object_storage(tmp_path: Path, bucket: Bucket) -> None:
    bucket.objects.clear()
    home = Workspace(tmp_path / "home")
    home.root.mkdir()
    identity = gather([]).broker
    passphrase = write_identity(home, identity)
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("COUNTERFOIL_BROKER_PART_KB", "64")
        environment.setenv("COUNTERFOIL_BROKER_STORAGE_URL", f"s3://{BUCKET}/broker")
        environment.setenv("COUNTERFOIL_BROKER_STORAGE_OPTIONS", str(bucket.options(tmp_path / "options.toml")))
        launched = launch(home.root, passphrase=passphrase)
    try:
        scene = Scene.of(Broker(identity, Settings(home=home.root), launched.url), tmp_path / "scene")
        scene.open()
        rows = children(150, seed=1)
        for name in ("north", "south"):
            scene.upload(name, rows)
        folder = f"broker/agreements/{scene.agreement.id}"
        kept = [name for name in bucket.objects if name.startswith(folder)]
        assert len(kept) == 2, "parts are gone once the whole is accepted"
        assert all(name.startswith(f"{folder}/uploads/") for name in kept)
        run = scene.start_run()
        scene.status(run, "matched")
        scene.release(run)
        assert scene.links(run) == {frozenset({("north", row["id"]), ("south", row["id"])}) for row in rows}
        scene.close()
    finally:
        launched.stop()
    assert any(name.startswith(f"broker/runs/{run}/") for name in bucket.objects)
    assert not [path for path in (home.root / "storage").rglob("*") if path.is_file()]
    assert SECRET not in (home.root / "broker.log").read_text()
    assert 501 not in {status for _, _, status in bucket.asked}, "a request that the storage does not know"
