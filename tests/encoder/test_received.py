"""What the recipient refuses to join: every fault of a holder's file with its row, and nothing written."""

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from encoder.errors import InputError, OutputError
from encoder.join import RunKey, Unmatched, join
from encoder.sheet import sha256_of
from keys.errors import CounterfoilError, TokenError
from tests.handed import PSEUDONYM, RUN_KEY, A, B, blind_files, file, joined, tokens


def refusal(files: dict[str, Path], **changes: Any) -> CounterfoilError:
    folder = next(iter(files.values())).parent
    before = set(folder.iterdir())
    with pytest.raises((InputError, TokenError)) as caught:
        joined(files, **changes)
    assert set(folder.iterdir()) == before
    return caught.value


def alone(path: Path, **changes: Any) -> CounterfoilError:
    return refusal({"a": path}, unmatched=Unmatched.KEEP, **changes)


@pytest.mark.parametrize(("run_key", "header"), [(RUN_KEY, "link_key"), (None, "token")], ids=["blind", "open"])
def test_a_file_without_its_tokens_is_refused(tmp_path: Path, run_key: RunKey | None, header: str) -> None:
    path = file(tmp_path / "a.csv", [header, "x"], [[A, "1"]])
    error = alone(path, run_key=run_key)
    assert f"but one {header}: it is of another release" in error.what
    assert error.where == str(path)
    assert ", but" not in alone(file(path, ["x"], [["1"]]), run_key=run_key).what


def test_a_doubled_file_is_refused_and_its_rows_named(tmp_path: Path) -> None:
    one, two, three = tokens("one", "two", "three")
    path = file(tmp_path / "a.csv", ["x", "token"], [["1", one], ["2", two], ["1", one], ["2", two], ["3", three]])
    error = alone(path)
    assert error.what == "Two rows hold the same token. 2 rows repeat an earlier one."
    assert error.where == f"{path}, rows 2 and 4, column 'token'"
    assert "doubled" in error.remedy
    assert alone(file(path, ["token"], [[one], [one]])).what == "Two rows hold the same token."


def test_a_link_key_that_stands_twice_is_refused(tmp_path: Path) -> None:
    path = file(tmp_path / "a.csv", ["link_key", "x"], [[A, "1"], [B, "1"], [A, "2"]])
    error = alone(path, run_key=None)
    assert (error.what, error.where) == (
        "Two rows hold the same link key.",
        f"{path}, rows 2 and 4, column 'link_key'",
    )


def test_rows_of_two_holders_in_one_file_are_refused(tmp_path: Path) -> None:
    """The tokens differ, but two of them open to one link."""
    both = [*tokens("one", "two"), *tokens("three", "one", seed="other")]
    path = file(tmp_path / "a.csv", ["token", "x"], [[token, "1"] for token in both])
    error = alone(path)
    assert error.what.startswith("Two rows have tokens of one link")
    assert error.where == f"{path}, rows 2 and 5, column 'token'"


def test_a_token_in_two_files_is_refused(tmp_path: Path) -> None:
    files = blind_files(tmp_path)
    first = tokens("one", "two", "three", seed="council")
    files["icb"] = file(tmp_path / "i.csv", ["token", "n"], [[tokens("four")[0], "1"], [first[2], "2"]])
    error = refusal(files)
    assert error.what == f"This token stands in {files['council']} too (1 do)."
    assert error.where == f"{files['icb']}, row 3, column 'token'"


@pytest.mark.parametrize("run_key", [RUN_KEY, None], ids=["blind", "open"])
def test_one_file_for_two_holders_is_refused(tmp_path: Path, run_key: RunKey | None) -> None:
    """Otherwise every row would seem to be linked."""
    header, value = ("token", tokens("one")[0]) if run_key else ("link_key", A)
    one = file(tmp_path / "a.csv", [header], [[value]])
    other = file(tmp_path / "b.csv", [header], [[value]])
    assert refusal({"a": one, "b": other}, run_key=run_key).what == "The same file is given for a and for b."


def test_a_file_that_is_not_the_one_its_holder_wrote_is_refused(tmp_path: Path) -> None:
    files = blind_files(tmp_path)
    told = {name: sha256_of(path) for name, path in files.items()}
    joined(files, expected={**told, "icb": told["icb"].upper()})
    (tmp_path / "joined.csv").unlink()
    whole = files["icb"].read_bytes()
    files["icb"].write_bytes(whole[: whole.rstrip().rindex(b"\n") + 1])
    joined(files)
    (tmp_path / "joined.csv").unlink()
    error = refusal(files, expected=told)
    assert error.what.startswith("This is not the file that icb wrote")
    assert error.where == str(files["icb"])
    assert "no file" in refusal(files, expected={"school": told["icb"]}).what


def test_two_columns_with_one_header_are_refused(tmp_path: Path) -> None:
    path = file(tmp_path / "a.csv", ["link_key", "x", "x"], [[A, "02", "03"]])
    assert "same header" in str(alone(path, run_key=None))


@pytest.mark.parametrize(
    ("data", "where"),
    [
        (b"", ""),
        (b"link_key,x\n", ""),
        (b"link_key,x\n%(A)s\n", ", row 2"),
        (b"link_key,x\n%(A)s,\xff\n", ", row 2, column 2"),
        (b"link_key,x\n%(A)s,y\n\xff,y\n", ", row 3, column 'link_key'"),
        (b"\xff,link_key\n1,01\n", ", row 1, column 1"),
        (b"link_key,x\n%(A)s,1\n ,2\n", ", row 3, column 'link_key'"),
        (b'link_key,x\n%(A)s,1\n"",2\n', ", row 3, column 'link_key'"),
        (b"link_key,x\n%(A)s,1\n1.2E+31,2\n", ", row 3, column 'link_key'"),
        (b'link_key,x\n%(A)s,"1\n', ", row 2"),
        (b"PAR1 and no more", ""),
    ],
    ids=range(11),
)
def test_a_file_that_cannot_be_read_is_refused(tmp_path: Path, data: bytes, where: str) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(data % {b"A": A.encode()} if b"%" in data else data)
    error = alone(path, run_key=None)
    assert error.where == f"{path}{where}"
    assert not [value for value in ("E+31", "01\n") if value in str(error)]


def test_tokens_that_are_missing_or_no_text_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table({"token": [*tokens("one"), None]}), path)
    error = alone(path)
    assert (error.what, error.where) == ("The row has no token.", f"{path}, row 2, column 'token'")
    pq.write_table(pa.table({"token": [[token] for token in tokens("one")]}), path)
    assert alone(path).what == "Column token holds no text."


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    assert alone(tmp_path / "a.csv").where == str(tmp_path / "a.csv")


def test_a_join_of_nothing_is_refused(tmp_path: Path) -> None:
    for unmatched in Unmatched:
        with pytest.raises(InputError, match="no file to join"):
            join({}, tmp_path / "out.csv", run_key=RUN_KEY, pseudonym_key=PSEUDONYM, unmatched=unmatched)


def test_one_file_alone_has_no_linked_rows(tmp_path: Path) -> None:
    files = {"council": blind_files(tmp_path)["council"]}
    assert "keep unmatched rows" in refusal(files).remedy


@pytest.mark.parametrize("wrong", [*tokens("one", run_key=RunKey("run 8", b"k" * 32)), "tokentoken", " "])
def test_a_wrong_token_stops_the_join_and_its_row_is_named(tmp_path: Path, wrong: str) -> None:
    path = file(
        tmp_path / "a.csv", ["x", "token"], [["a\nb", tokens("two")[0]], ["2", tokens("three")[0]], ["3", wrong]]
    )
    error = alone(path)
    assert error.where == f"{path}, row 4, column 'token'"
    assert wrong not in str(error).replace(" ", "") or not wrong.strip()


def test_an_output_in_place_of_an_input_or_of_no_format_is_refused(tmp_path: Path) -> None:
    files = blind_files(tmp_path)
    before = files["icb"].read_bytes()
    for out, what in ((files["icb"], "one of the inputs"), (tmp_path / "out.xlsx", "in which format")):
        with pytest.raises(OutputError, match=what):
            join(files, out, run_key=RUN_KEY, pseudonym_key=PSEUDONYM)
    assert files["icb"].read_bytes() == before
    assert set(tmp_path.iterdir()) == set(files.values())
