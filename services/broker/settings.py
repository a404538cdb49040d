"""Every setting of the broker, from ``COUNTERFOIL_BROKER_*`` variables or arguments. No secret is a setting."""

from ipaddress import ip_network
from pathlib import Path

from pydantic import Field, field_validator
from pydantic_settings import SettingsConfigDict

from services.broker.watch.settings import WatchSettings


class Settings(WatchSettings):
    """Where the broker keeps things, how much it takes and what an operator sees."""

    model_config = SettingsConfigDict(
        env_prefix="COUNTERFOIL_BROKER_", frozen=True, hide_input_in_errors=True, use_attribute_docstrings=True
    )

    home: Path
    """Folder of the identity, the agreements' receiving keys and, by default, the storage and the database."""
    database_url: str | None = None
    """SQLAlchemy address, without a password; a SQLite file in ``home`` if not set."""
    database_password_file: Path | None = None
    """File whose first line is the password for ``database_url``; read at each new connection."""
    vault_key: str | None = None
    """Address of the key in an Azure Key Vault that the identity is locked with, if it is not with a passphrase."""
    storage_url: str | None = None
    """Address of the uploads and of what a run keeps: a folder or an object storage, without credentials; a folder in
    ``home`` if not set. Beside an object storage, what is coming in or being checked lies in ``home``."""
    storage_options: Path | None = None
    """TOML file, for the broker's user alone, of options of an object storage: region, endpoint, credentials."""
    memory_mb: int = Field(default=1024, ge=64)
    """What a worker may use for encodings and pairs; two holders' encodings under one match-key are always held."""
    threads: int = Field(default=0, ge=0)
    """Threads of one task; 0 means one per core."""
    task_pairs: int = Field(default=8_000_000_000, ge=1)
    """How many comparisons make a task: what one worker does at a time, and does again if it is cut off."""
    worker_timeout_seconds: int = Field(default=15, ge=3)
    """A worker that is silent for so long is taken for dead, and others go on with its tasks."""
    patience_seconds: int = Field(default=600, ge=0)
    """A step of a run waits so long in all for a database that is away or a disk that is full, before the run fails."""
    maximum_upload_mb: int = Field(default=4096, ge=1)
    """A larger upload is refused."""
    part_kb: int = Field(default=4096, ge=64, le=65536)
    """Size of the parts that uploads come in: what is sent again at most when a connection is cut."""
    checkers: int = Field(default=2, ge=1, le=64)
    """Uploads that are checked at a time, each in some 60 MB of memory; others wait."""
    unfinished_hours: int = Field(default=48, ge=1)
    """An upload that nobody has added to for so long is given up."""

    party_requests_per_second: float = Field(default=100.0, gt=0)
    """Requests that each process takes from one party in the long run; more are answered with 429."""
    party_requests_at_once: int = Field(default=2000, ge=1)
    """Requests that a party may send beyond that, after a pause."""
    unsigned_requests_per_second: float = Field(default=10.0, gt=0)
    """As for a party, for requests without a valid signature that come from one address (IPv6: one /64 network), and
    for agreements that are handed in, whose signature can be checked only with what they bring. `/healthz` is never
    refused."""
    unsigned_requests_at_once: int = Field(default=500, ge=1)
    """As for a party, for requests without a valid signature."""

    tls_certificate: Path | None = None
    """PEM file with the certificate and those between it and its root; with it the broker speaks TLS 1.2 or newer."""
    tls_key: Path | None = None
    """PEM file with the certificate's private key."""
    tls_key_passphrase_file: Path | None = None
    """File with the passphrase of that key, if it has one."""
    root_path: str = Field(default="", pattern=r"^(/[A-Za-z0-9._~-]+)*$")
    """Path under which a proxy shows the broker and which it strips, such as ``/counterfoil``."""
    trusted_proxies: str = ""
    """Addresses or networks, with commas between, of proxies whose ``X-Forwarded-For`` and ``X-Forwarded-Proto`` are
    believed; nobody's if it is empty."""

    @field_validator("trusted_proxies")
    @classmethod
    def _are_addresses(cls, value: str) -> str:
        networks = [ip_network(one.strip()) for one in value.split(",")] if value.strip() else []
        return ",".join(map(str, networks))

    @property
    def database(self) -> str:
        return self.database_url or f"sqlite:///{self.home / 'broker.sqlite'}"

    @property
    def durable_database(self) -> str:
        """Where the steps of runs are recorded."""
        return self.database_url or f"sqlite:///{self.home / 'runs.sqlite'}"

    @property
    def identity_file(self) -> Path:
        return self.home / "identity.json"

    @property
    def receiving_keys(self) -> Path:
        return self.home / "receiving-keys"

    @property
    def destroyed(self) -> Path:
        """Where it is noted which agreements' data have been destroyed."""
        return self.home / "destroyed"

    @property
    def storage(self) -> Path:
        """The folder that is used without a ``storage_url``, and for what is coming in."""
        return self.home / "storage"
