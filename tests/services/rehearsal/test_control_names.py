"""The names of control rows are those that their script takes from Faker, byte for byte."""

import tomllib

from encoder.names import forename, surname
from services.rehearsal.control_names import FILE, text


def test_the_file_is_what_its_script_writes() -> None:
    assert FILE.read_bytes() == text().encode()


def test_every_name_is_one_after_normalising_too() -> None:
    lists = tomllib.loads(text())
    assert {name: len(names) > 150 for name, names in lists.items()} == dict.fromkeys(
        ("girls", "boys", "surnames"), True
    )
    for name, names in lists.items():
        assert len({one.casefold() for one in names}) == len(names)
        read = surname if name == "surnames" else forename
        assert all(read(one).kind is None and " " not in read(one).value for one in names)
