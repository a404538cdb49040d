"""Files of plain CLKs, ``{"clks": ["...", ...]}``, as ``counterfoil clk`` and anonlink-client write them."""

import base64
import binascii
import json
from pathlib import Path
from typing import Any

import numpy as np

from encoder.cli.files import read_file
from encoder.errors import InputError
from matcher.encodings import WORD_BITS, Encodings

_AS_WRITTEN = 'Give a file as counterfoil clk writes it: {"clks": ["...", ...]}, and nothing else in it.'
_AGAIN = "Get the file again from whoever made it."


def read_clks(path: Path) -> Encodings:
    """The CLKs of a file, every row present, in the order of the file.

    Raises InputError, which names an entry as a program counts it, ``clks[0]`` the first: the file cannot be read, is
    no JSON or another document, has no CLKs, or a CLK is not in base64 (RFC 4648, with padding), is as long as no
    other one or not a multiple of 64 bits.
    """
    clks = _list_of(read_file(path), path)
    first = _decode(clks[0], path, 0)
    bits = 8 * len(first)
    if not bits or bits % WORD_BITS:
        raise InputError(
            f"The CLK has {bits:,} bits, which is not a multiple of {WORD_BITS}.",
            where=f"{path}, clks[0]",
            remedy="Make the CLKs by a schema whose length is a multiple of 64, such as 1024.",
        )
    packed = np.empty((len(clks), len(first)), np.uint8)
    for entry, text in enumerate(clks):
        clk = _decode(text, path, entry)
        if len(clk) != len(first):
            raise InputError(
                f"The CLK has {8 * len(clk):,} bits, but the first one has {bits:,}.",
                where=f"{path}, clks[{entry}]",
                remedy="Make all CLKs of the file by one schema.",
            )
        packed[entry] = np.frombuffer(clk, np.uint8)
    return Encodings.from_bytes(packed, np.ones(len(clks), np.bool_))


def _list_of(data: bytes, path: Path) -> list[Any]:
    try:
        document = json.loads(data, object_pairs_hook=_no_name_twice)
    except (ValueError, RecursionError):
        raise InputError("The file is not valid JSON.", where=str(path), remedy=_AGAIN) from None
    if not isinstance(document, dict) or set(document) != {"clks"} or not isinstance(document["clks"], list):
        raise InputError(
            'The file is JSON, but not an object with a list named "clks" alone.',
            where=str(path),
            remedy=_AS_WRITTEN,
        )
    if not document["clks"]:
        raise InputError("The file has no CLKs.", where=str(path), remedy="Check the export that made it.")
    return list(document["clks"])


def _no_name_twice(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    names = dict(pairs)
    if len(names) != len(pairs):
        raise ValueError
    return names


def _decode(text: Any, path: Path, entry: int) -> bytes:
    where = f"{path}, clks[{entry}]"
    if not isinstance(text, str):
        raise InputError("The entry is not a text.", where=where, remedy=_AS_WRITTEN)
    try:
        clk = base64.b64decode(text, validate=True)
        if base64.b64encode(clk).decode() != text:  # bits left over, which no encoder writes
            raise ValueError
    except (binascii.Error, ValueError):
        raise InputError("The entry is not a CLK in base64.", where=where, remedy=_AGAIN) from None
    return clk
