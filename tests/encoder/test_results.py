"""What came back: each token beside its own row."""

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from encoder.errors import InputError
from encoder.package import pack, recall_handles
from encoder.results import Results, open_release, require_rows, write_results
from encoder.workspace import Workspace
from keys.agreement import Agreement
from keys.canonical import canonical
from keys.envelope import seal_bytes
from keys.errors import EnvelopeError
from keys.kinds import Sealed
from keys.layout import open_release_record, release_record
from keys.receiving import decode, encode
from tests.doors import NOW, broker_key, children, cohort, drawn, folder, identity, secret_of, signed, small_terms

BLIND = signed(small_terms())
OPEN = signed(small_terms(release="open"))
IDS = [f"id {number}" for number in range(20)]


def kept(root: Path, agreement: Agreement = BLIND, ids: Sequence[str] = IDS) -> tuple[Workspace, Any]:
    """A council's folder with a table of handles in it."""
    workspace = folder(root, agreement)
    handles = np.frombuffer(drawn("handles")(16 * len(ids)), dtype=np.uint8).reshape(-1, 16)
    handles = handles[np.lexsort(handles.T[::-1])]
    data = len(ids).to_bytes(8, "big") + handles.tobytes() + canonical(list(ids))
    workspace.keep(Sealed.HANDLES, data, agreement=agreement.id, identity=identity("council"), random=drawn("keep"))
    return workspace, handles


def released(handles: Any, under: Agreement = BLIND, order: Any = None, **changes: Any) -> tuple[bytes, Any]:
    """What the broker sends, and the value of each handle."""
    blind = under is BLIND
    record = release_record() if blind else open_release_record()
    column = "token" if blind else "link_key"
    records = np.zeros(len(handles), dtype=record)
    records["handle"] = handles
    width = records[column].shape[1]
    records[column] = np.frombuffer(drawn("values")(width * len(handles)), dtype=np.uint8).reshape(-1, width)
    order = drawn_order(len(handles)) if order is None else order
    options = {
        "kind": "release",
        "agreement": under.id,
        "sender": identity("broker"),
        "receiver": identity("council").card.receiving,
        "random": drawn("release"),
        "context": {"run": "run 7"},
        **changes,
    }
    return seal_bytes(records[order].tobytes(), **options), records[column]


def drawn_order(count: int) -> Any:
    return np.random.default_rng(7).permutation(count)


def opened(sealed: bytes, workspace: Workspace, agreement: Agreement = BLIND) -> Results:
    return open_release(sealed, workspace=workspace, agreement=agreement, identity=identity("council"))


@pytest.mark.parametrize("agreement", [BLIND, OPEN], ids=["blind", "open"])
def test_every_row_gets_its_own_value_whatever_the_order(tmp_path: Path, agreement: Agreement) -> None:
    workspace, handles = kept(tmp_path, agreement)
    sealed, values = released(handles, agreement)
    results = opened(sealed, workspace, agreement)
    assert results.run == "run 7"
    assert results.column == ("token" if agreement is BLIND else "link_key")
    texts = [encode(value.tobytes()) if agreement is BLIND else value.tobytes().hex() for value in values]
    assert results.by_row_id() == dict(zip(IDS, texts, strict=True))
    assert len({len(text) for text in texts}) == 1


def test_rows_of_one_link_get_its_link_key_each(tmp_path: Path) -> None:
    """In an open release where a link may have any number of rows of one holder."""
    decision = {**OPEN.terms.decision.model_dump(), "rows_of_one_holder": "any number"}
    agreement = signed(small_terms(release="open", decision=decision))
    workspace, handles = kept(tmp_path, agreement)
    records = np.zeros(len(handles), dtype=open_release_record())
    records["handle"] = handles
    records["link_key"][2:5] = 7
    sealed = seal_bytes(
        records.tobytes(),
        kind="release",
        agreement=agreement.id,
        sender=identity("broker"),
        receiver=identity("council").card.receiving,
        random=drawn("release"),
        context={"run": "run 7"},
    )
    results = opened(sealed, workspace, agreement)
    write_results(workspace.results, results)
    link_keys = dict(rows_of(workspace.results)[1:])
    assert [row_id for row_id in IDS if link_keys[row_id] == "07" * 16] == IDS[2:5]
    assert len(link_keys) == len(IDS)


_WRONG_ROWS = {
    "a row less": range(19),
    "a row more": [*range(20), 19],
    "a row twice": [*range(19), 18],
    "none": [],
}


@pytest.mark.parametrize("order", _WRONG_ROWS.values(), ids=_WRONG_ROWS)
def test_a_release_of_other_rows_is_refused(tmp_path: Path, order: Any) -> None:
    workspace, handles = kept(tmp_path)
    sealed, _ = released(handles, order=np.array(order, dtype=np.int64))
    with pytest.raises(EnvelopeError, match="exactly the rows"):
        opened(sealed, workspace)


def test_a_release_of_strange_handles_is_refused(tmp_path: Path) -> None:
    workspace, handles = kept(tmp_path)
    strange = handles.copy()
    strange[3, 5] ^= 1
    with pytest.raises(EnvelopeError, match="exactly the rows"):
        opened(released(strange)[0], workspace)


@pytest.mark.parametrize(
    "changes",
    [
        {"sender": identity("icb")},
        {"sender": identity("Eve")},
        {"receiver": identity("icb").card.receiving},
        {"kind": "upload"},
        {"agreement": "ab" * 32},
        {"context": {}},
        {"context": {"run": 7}},
        {"context": {"run": ""}},
    ],
    ids=range(8),
)
def test_a_release_that_is_not_the_brokers_to_us_is_refused(tmp_path: Path, changes: dict[str, Any]) -> None:
    workspace, handles = kept(tmp_path)
    with pytest.raises(EnvelopeError):
        opened(released(handles, **changes)[0], workspace)


def test_an_open_release_does_not_pass_for_a_blind_one(tmp_path: Path) -> None:
    workspace, handles = kept(tmp_path)
    sealed, _ = released(handles, OPEN, agreement=BLIND.id)
    with pytest.raises(EnvelopeError):
        opened(sealed, workspace)


def test_results_need_the_table_of_handles(tmp_path: Path) -> None:
    _, handles = kept(tmp_path / "one")
    with pytest.raises(InputError, match="no handles here"):
        opened(released(handles)[0], folder(tmp_path / "two", BLIND))


def test_results_show_nothing_when_printed(tmp_path: Path) -> None:
    workspace, handles = kept(tmp_path)
    shown = repr(opened(released(handles)[0], workspace))
    assert "id 1" not in shown


RESULTS = Results("run 7", "token", ["b", "a", "c"], ["tokenB", "tokenA", "tokenC"])


def rows_of(path: Path) -> list[list[str]]:
    with path.open(encoding="utf-8", newline="") as stream:
        return list(csv.reader(stream))


def test_results_are_written_for_the_holder_alone(tmp_path: Path) -> None:
    write_results(tmp_path / "results.csv", RESULTS)
    assert rows_of(tmp_path / "results.csv") == [["row_id", "token"], ["b", "tokenB"], ["a", "tokenA"], ["c", "tokenC"]]
    assert (tmp_path / "results.csv").stat().st_mode & 0o777 == 0o600


def test_tokens_read_back_from_the_file(tmp_path: Path) -> None:
    workspace, handles = kept(tmp_path)
    sealed, values = released(handles)
    results = opened(sealed, workspace)
    write_results(workspace.results, results)
    read = {row_id: decode(token) for row_id, token in rows_of(workspace.results)[1:]}
    assert read == {row_id: value.tobytes() for row_id, value in zip(IDS, values, strict=True)}


def test_an_upload_that_was_encoded_again_since_can_still_be_opened(tmp_path: Path) -> None:
    """Three files are packed; the broker may have released the rows of any of them."""
    agreement = BLIND
    workspace = folder(tmp_path, agreement)
    rows = cohort(children(40))
    tables = []
    for seed in ("first", "second", "third"):
        pack(
            rows,
            workspace=workspace,
            agreement=agreement,
            holder=agreement.holders()[0],
            identity=identity("council"),
            secret=secret_of(agreement),
            receiving=broker_key(agreement.id).address,
            now=NOW,
            random=drawn(seed),
        )
        tables.append(recall_handles(workspace, agreement=agreement, identity=identity("council")))
    for handles, row_ids in tables:
        sealed, values = released(handles)
        opened = open_release(sealed, workspace=workspace, agreement=agreement, identity=identity("council"))
        expected = {row_id: encode(value.tobytes()) for row_id, value in zip(row_ids, values, strict=True)}
        assert opened.by_row_id() == expected


def test_an_agreement_that_releases_counts_has_no_results() -> None:
    require_rows(BLIND)
    require_rows(OPEN)
    with pytest.raises(InputError, match="counts and no rows"):
        require_rows(signed(small_terms(release="count")))
