"""Where the broker's files lie, by an address in which no secret stands.

1. Without an address, or with ``file:///folder``: a local folder.
2. ``s3://BUCKET/PREFIX``: Amazon S3, or what speaks like it at the ``endpoint`` that the options name.
3. ``https://ACCOUNT.blob.core.windows.net/CONTAINER/PREFIX``: Azure Blob Storage.
4. Credentials come from the identity of the machine, or from the options' file, which is for the broker's user alone
   or, where it is another user's, for a group that the broker is in, as a container's secrets are. An address that
   holds any is refused, without being repeated.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import SplitResult, unquote, urlsplit

from services.broker.errors import BrokerError
from services.broker.files.storage import Storage
from services.broker.settings import Settings

if TYPE_CHECKING:
    from obstore.store import ObjectStore

_SETTING = "COUNTERFOIL_BROKER_STORAGE_URL"
_TRIES = {"max_retries": 4, "retry_timeout": timedelta(seconds=30)}
"""Some two seconds, or longer where requests are slow; whoever can wait waits longer: see ``patience``."""
_AZURE = ".blob.core.windows.net"


def open_storage(settings: Settings) -> Storage:
    """Raises ``BrokerError`` for an address or options that cannot be used."""
    if settings.storage_url is None:
        return Storage(settings.storage)  # 1
    address = _address(settings.storage_url)
    if address.scheme == "file":
        return Storage(Path(unquote(address.path)))  # 1
    try:
        from services.broker.files.objects import ObjectStorage
    except ImportError:
        raise BrokerError(
            "What speaks to object storages is not installed.",
            where=_SETTING,
            remedy="Install counterfoil[broker,objects].",
        ) from None
    options = _options(settings.storage_options) if settings.storage_options else {}
    return ObjectStorage(settings.storage, _objects(address, options))


def _address(url: str) -> SplitResult:
    try:
        address = urlsplit(url)
        userinfo = address.username is not None or address.password is not None
        host = address.hostname or ""
    except ValueError:
        raise _wrong("is not an address") from None
    if userinfo or address.query or address.fragment:
        raise _wrong("may not hold credentials or options", "Put them into the file that STORAGE_OPTIONS names.")  # 4
    if address.scheme == "file" and not host and address.path.startswith("/"):
        return address
    if address.scheme == "s3" and host:
        return address
    if address.scheme == "https" and host.endswith(_AZURE) and address.path.strip("/"):
        return address
    raise _wrong("is none that the broker knows")


def _objects(address: SplitResult, options: Mapping[str, str]) -> ObjectStore:
    from obstore.exceptions import BaseError
    from obstore.store import AzureStore, S3Store

    given: dict[str, Any] = {"config": dict(options), "retry_config": _TRIES}
    path = unquote(address.path).strip("/")
    try:
        if address.scheme == "s3":
            return S3Store(address.netloc, prefix=path or None, **given)  # 2
        container, _, prefix = path.partition("/")
        given["config"]["account_name"] = str(address.hostname).removesuffix(_AZURE)
        return AzureStore(container, prefix=prefix or None, **given)  # 3
    except (BaseError, ValueError, TypeError) as error:
        raise _wrong(f"or its options cannot be used ({type(error).__name__})", "Check their names.") from None


def _options(file: Path) -> Mapping[str, str]:
    try:
        status = file.stat()
        if os.name == "posix" and status.st_mode & (0o077 if status.st_uid == os.geteuid() else 0o037):
            raise BrokerError(
                "Others may read the options of the storage.",
                where=str(file),
                remedy="Give it the mode 0600, or 0440 where it is another user's, as a container's secrets are.",
            )
        found = tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError):
        raise _unreadable(file) from None  # the reason might repeat a line of it
    if not all(isinstance(value, str | bool | int) for value in found.values()):
        raise _unreadable(file)
    return {name: str(value).lower() if isinstance(value, bool) else str(value) for name, value in found.items()}


def _unreadable(file: Path) -> BrokerError:
    return BrokerError(
        "The options of the storage cannot be read.",
        where=str(file),
        remedy="Write a TOML file of names and values, for the broker's user alone.",
    )


def _wrong(what: str, remedy: str = "") -> BrokerError:
    known = f"Use file:///FOLDER, s3://BUCKET/PREFIX or https://ACCOUNT{_AZURE}/CONTAINER/PREFIX."
    return BrokerError(f"The storage's address {what}.", where=_SETTING, remedy=remedy or known)
