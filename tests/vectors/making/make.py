"""All vectors, and the file of what they share."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from tests.vectors.making import agreements, documents, logs, requests, sealed, secret, signed, trees
from tests.vectors.making.case import Case, plain_json
from tests.vectors.making.cast import NAMES, STRANGER, TERMS, agreed, party


def cases() -> Iterator[Case]:
    for room in (documents, signed, sealed, agreements, secret, requests, trees, logs):
        yield from room.cases()


def shared() -> dict[str, Any]:
    """Name -> what stands in many vectors, the larger ones last."""
    found: dict[str, Any] = {f"card of {name}": party(name).card for name in (*NAMES, STRANGER)}
    found["terms"] = TERMS
    found["agreement"] = agreed()
    for number, entry in enumerate(logs.entries(logs.told()), start=1):
        found[f"entry {number}"] = entry
    return found


def written() -> dict[str, str]:
    """Path below the folder of the vectors -> text of the file."""
    common = shared()
    names = {plain_json(value): name for name, value in common.items()}
    files = {"given.json": _text({name: _folded(value, names, own=name) for name, value in common.items()})}
    for case in cases():
        path = f"{case.folder}/{case.name}.json"
        if path in files:
            raise ValueError(f"two cases have the name {path}")
        files[path] = _text(_folded(case.to_json(), names))
    return files


def write(root: Path) -> None:
    """Replace all vectors in ``root``, and keep what HPKE has sealed; the README stays."""
    files = written()
    for old in root.glob("*/*.json"):
        old.unlink()
    for path, text in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text, encoding="utf-8", newline="\n")
    sealed.KEPT.write_text(_text(dict(sorted(sealed.WRAPPED.items()))), encoding="utf-8", newline="\n")


def _folded(value: Any, names: Mapping[bytes, str], *, own: str = "") -> Any:
    """The same with ``{"given": name}`` in place of everything that is shared."""
    if isinstance(value, Mapping):
        name = names.get(plain_json(value), own)
        if name != own:
            return {"given": name}
        return {key: _folded(one, names) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_folded(one, names) for one in value]
    return value


def _text(document: Any) -> str:
    return json.dumps(document, ensure_ascii=False, indent=2) + "\n"
