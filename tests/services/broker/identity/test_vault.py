"""The broker's identity, locked with a key of a vault: it opens through the vault alone, and no secret shows."""

from __future__ import annotations

import json
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from keys.errors import CounterfoilError, IdentityError
from keys.identity import Identity, card_of
from keys.wrapped import Wrapped, lock_wrapped, unlock_wrapped
from services.broker.identity.unlocking import unlock
from services.broker.identity.vault import VaultError, VaultKey
from services.broker.settings import Settings
from services.cli import app
from tests.doors import drawn, identity
from tests.vault import CLIENT, TENANT, Vault, vault

BROKER = identity("broker")
PASSPHRASE = "a passphrase of the tests"


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Vault, Path]]:
    with vault(tmp_path_factory.mktemp("vault")) as (it, authority):
        yield it, authority.file


@pytest.fixture
def there(running: tuple[Vault, Path], monkeypatch: pytest.MonkeyPatch) -> Vault:
    """The vault, with a container's door to it."""
    it, trusted = running
    for name in ("AZURE_FEDERATED_TOKEN_FILE", "AZURE_CLIENT_ID", "IDENTITY_ENDPOINT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("SSL_CERT_FILE", str(trusted))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("IDENTITY_ENDPOINT", f"{it.door}/token")
    monkeypatch.setenv("IDENTITY_HEADER", it.header)
    monkeypatch.setattr("services.broker.identity.vault.PAUSES", (0.0, 0.0))
    return it


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A broker's home, locked with a passphrase."""
    (tmp_path / "identity.json").write_bytes(BROKER.lock(PASSPHRASE, random=drawn("lock")))
    (tmp_path / "passphrase").write_text(PASSPHRASE)
    return tmp_path


def rewrap(home: Path, *words: str) -> Result:
    return CliRunner().invoke(app, ["rewrap", "--home", str(home), *words])


def into_vault(home: Path, there: Vault) -> Settings:
    done = rewrap(home, "--passphrase-file", str(home / "passphrase"), "--vault-key", there.address)
    assert done.exit_code == 0, done.exception
    return Settings(home=home, vault_key=there.address)


def test_the_same_identity_opens_through_the_vault_and_in_no_other_way(there: Vault, home: Path) -> None:
    settings = into_vault(home, there)
    data = settings.identity_file.read_bytes()
    assert stat.S_IMODE(settings.identity_file.stat().st_mode) == 0o600
    assert unlock(settings, None).card == BROKER.card == card_of(data, where="file")
    with pytest.raises(IdentityError, match="key of a vault"):
        Identity.unlock(data, PASSPHRASE, where="file")
    with pytest.raises(IdentityError, match="not told which vault"):
        unlock(Settings(home=home), None)
    for secret in (PASSPHRASE.encode(), *(token.encode() for token in there.tokens)):
        assert secret not in data


def test_a_new_version_of_the_key_takes_over_and_back_to_a_passphrase(
    there: Vault, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = into_vault(home, there)
    first = json.loads(settings.identity_file.read_bytes())["wrapped"]["key"]
    newest = there.rotate()
    assert unlock(settings, None).card == BROKER.card  # by the version that it names
    monkeypatch.setenv("COUNTERFOIL_BROKER_VAULT_KEY", there.address)
    assert rewrap(home, "--vault-key", there.address).exit_code == 0
    assert json.loads(settings.identity_file.read_bytes())["wrapped"]["key"] == f"{there.address}/{newest}" != first
    assert rewrap(home, "--lock-with", str(home / "passphrase")).exit_code == 0
    assert unlock(Settings(home=home), home / "passphrase").card == BROKER.card


@pytest.mark.parametrize("door", ["pod", "machine"])
def test_a_token_comes_from_whichever_door_there_is(
    there: Vault, home: Path, monkeypatch: pytest.MonkeyPatch, door: str
) -> None:
    monkeypatch.delenv("IDENTITY_ENDPOINT")
    if door == "pod":
        (home / "token").write_text(f"{there.assertion}\n")
        monkeypatch.setenv("AZURE_FEDERATED_TOKEN_FILE", str(home / "token"))
        monkeypatch.setenv("AZURE_AUTHORITY_HOST", there.address.removesuffix("/keys/broker"))
        monkeypatch.setenv("AZURE_TENANT_ID", TENANT)
        monkeypatch.setenv("AZURE_CLIENT_ID", CLIENT)
    else:
        monkeypatch.setenv("AZURE_POD_IDENTITY_AUTHORITY_HOST", there.door)
    there.asked.clear()
    into_vault(home, there)
    assert there.asked[0] == (f"/{TENANT}/oauth2/v2.0/token" if door == "pod" else "/metadata/identity/oauth2/token")


def test_a_token_is_exchanged_over_tls_alone(there: Vault, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AZURE_FEDERATED_TOKEN_FILE", str(home / "passphrase"))
    monkeypatch.setenv("AZURE_AUTHORITY_HOST", there.door)
    monkeypatch.setenv("AZURE_TENANT_ID", TENANT)
    monkeypatch.setenv("AZURE_CLIENT_ID", CLIENT)
    there.asked.clear()
    refused(home, there, "no token")
    assert there.asked == []


def refused(home: Path, there: Vault, why: str) -> None:
    """The identity is not locked anew; the old file stays, and nothing secret is said."""
    before = (home / "identity.json").read_bytes()
    done = rewrap(home, "--passphrase-file", str(home / "passphrase"), "--vault-key", there.address)
    assert isinstance(done.exception, CounterfoilError)
    said = str(done.exception)
    assert why in said
    assert not any(secret in said for secret in (PASSPHRASE, there.header, there.assertion, *there.tokens))
    assert (home / "identity.json").read_bytes() == before


@pytest.mark.parametrize(
    ("answers", "why"),
    [
        ([(403, {})], "does not let this broker"),
        ([(404, {})], "no such key"),
        ([(400, {})], "answers 400"),
        ([(503, {})] * 3, "answers 503"),
        ([(200, {"value": "AAAA"})], "does not answer as a vault"),
        ([(200, {"kid": "https://evil.example/keys/broker/1", "value": "AAAA"})], "does not answer as a vault"),
        ([(200, ["AAAA"])], "does not answer as a vault"),
    ],
)
def test_a_vault_that_does_not_do_it_changes_nothing(
    there: Vault, home: Path, answers: list[tuple[int, object]], why: str
) -> None:
    there.answers[:] = answers
    refused(home, there, why)
    assert there.answers == []


def test_a_vault_that_is_busy_is_asked_again(there: Vault, home: Path) -> None:
    there.answers[:] = [(429, {}), (503, {})]
    assert unlock(into_vault(home, there), None).card == BROKER.card


def test_a_machine_without_an_identity_is_told(there: Vault, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IDENTITY_HEADER", "another")
    refused(home, there, "no token")


def test_a_file_that_names_another_vault_gets_no_token(there: Vault, home: Path) -> None:
    """Whoever can write the file must not learn a token: nothing is sent anywhere."""
    data = lock_wrapped(BROKER, lambda key: Wrapped("https://evil.example/keys/broker/1", key), random=drawn("x"))
    (home / "identity.json").write_bytes(data)
    there.asked.clear()
    with pytest.raises(VaultError, match="other than the one"):
        unlock(Settings(home=home, vault_key=there.address), None)
    assert there.asked == []


@pytest.mark.parametrize("field", ["key", "sealed"])
def test_a_file_whose_head_was_changed_does_not_open(field: str) -> None:
    kept: list[bytes] = []

    def wrap(key: bytes) -> Wrapped:
        kept.append(key)
        return Wrapped("https://a.example/keys/k/1", b"w" * 9)

    data = lock_wrapped(BROKER, wrap, random=drawn("y"))
    document = json.loads(data)
    document["wrapped"][field] = "https://a.example/keys/k/2" if field == "key" else "AAAA"
    assert unlock_wrapped(data, lambda _: kept[0], where="file").card == BROKER.card
    with pytest.raises(IdentityError, match="damaged"):
        unlock_wrapped(json.dumps(document).encode(), lambda _: kept[0], where="file")


@pytest.mark.parametrize(
    "address", ["http://a.example/keys/k", "https://u@a.example/keys/k", "https://a.example/keys/k?x", "k"]
)
def test_what_is_no_address_of_a_key_is_refused(address: str) -> None:
    with pytest.raises(VaultError, match="not the address"):
        VaultKey(address, token=lambda _: "", sleep=lambda _: None)


def test_a_key_shows_nothing_but_its_address() -> None:
    key = VaultKey("https://a.vault.azure.net/keys/k", token=lambda _: "hunter2", sleep=lambda _: None)
    assert repr(key) == "VaultKey(address='https://a.vault.azure.net/keys/k')"
    assert key.audience == "https://vault.azure.net"
    assert "hunter2" not in repr(Wrapped("k", b"hunter2"))
