"""What the tests of commands share."""

import pytest


@pytest.fixture
def somebody(monkeypatch: pytest.MonkeyPatch) -> None:
    """The runner of commands has no terminal; take what a test types for the answers of a person at one."""
    monkeypatch.setattr("encoder.cli.ask.somebody_is_there", lambda: True)
