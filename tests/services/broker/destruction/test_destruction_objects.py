"""I8 where a broker's files lie in an object storage: nothing of a destroyed agreement is in the bucket."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from services.broker.destruction.retention import destroy_due
from services.broker.destruction.sweep import sweep
from services.broker.office import Office
from tests.broker import Broker, started
from tests.parts import announce, put_part
from tests.s3 import BUCKET, Bucket, s3_server
from tests.stage import MakeScene, Scene
from tests.traces import bring_to, ciphertext, data_of, kept, traces

PART = 64 << 10


@pytest.fixture(scope="module")
def bucket() -> Iterator[Bucket]:
    with s3_server() as served:
        yield served


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory, bucket: Bucket) -> Iterator[Broker]:
    home = tmp_path_factory.mktemp("broker")
    options = bucket.options(home / "storage.toml")
    with started(home, part_kb=64, storage_url=f"s3://{BUCKET}/broker", storage_options=options) as broker:
        yield broker


@pytest.mark.parametrize("stage", ["replaced", "declined", "released twice"])
def test_i8_nothing_of_a_destroyed_agreement_stays_in_the_bucket(
    make_scene: MakeScene, beside: Office, bucket: Bucket, stage: str
) -> None:
    scene, other = make_scene(retention_hours=24), make_scene(retention_hours=48)
    runs = bring_to(scene, stage)
    on_its_way(scene)
    on_its_way(other)
    data = data_of(scene, beside, runs, objects=bucket.objects)
    before = kept(beside.settings.home, objects=bucket.objects)
    assert traces(data.clear, before) == 0
    for sealed in data.sealed:
        assert traces([sealed], before) > 0
    staying = {name: lying for name, lying in bucket.objects.items() if other.agreement.id in name}
    assert staying
    expires = scene.agreement.terms.expires_at() if stage != "released twice" else datetime.now(UTC)
    later = replace(beside, now=lambda: expires + timedelta(hours=25))
    assert scene.agreement.id in destroy_due(later)
    after = kept(beside.settings.home, objects=bucket.objects)
    assert traces([*data.clear, *data.sealed], after) == 0
    assert not [name for name in bucket.objects if any(one in name for one in (scene.agreement.id, *runs))]
    assert {name: bucket.objects[name] for name in staying} == staying
    assert bucket.uploads == {}


def test_i8_what_was_replaced_and_no_run_has_taken_goes_with_the_next_look(
    make_scene: MakeScene, beside: Office, bucket: Bucket
) -> None:
    scene = make_scene()
    sealed = [scene.sealed("north") for _ in range(2)]
    for one in sealed:
        assert scene.put("north", one).is_success
    sweep(beside)
    found = kept(beside.settings.home, objects=bucket.objects)
    assert [traces([ciphertext(one)], found) > 0 for one in sealed] == [False, True]


def on_its_way(scene: Scene) -> None:
    """An upload of which one part has come."""
    north, sealed = scene.cast.holders["north"], scene.sealed("north", rows=250)
    announce(scene, north, sealed)
    assert put_part(scene, north, sealed, 0, sealed[:PART]).is_success


def test_what_comes_late_goes_with_the_next_look(make_scene: MakeScene, beside: Office, bucket: Bucket) -> None:
    """A step or an upload under way may put an object back just after all went."""
    scene = make_scene()
    runs = bring_to(scene, "released")
    later = replace(beside, now=lambda: datetime.now(UTC) + timedelta(hours=24 * 365 * 20))
    destroy_due(later)
    for name in (f"agreements/{scene.agreement.id}/uploads/late", f"runs/{runs[0]}/pairs-000009", "runs/unknown/x"):
        beside.storage.put(name, b"late")
    destroy_due(later)
    sweep(later)
    assert bucket.objects == {}
