"""The parts of an .xlsx file: a ZIP archive of XML documents that refer to one another (ECMA-376 parts 1 and 2)."""

from __future__ import annotations

import posixpath
import re
import struct
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO
from xml.parsers import expat
from xml.parsers.expat import ExpatError
from zipfile import BadZipFile, ZipFile

from encoder.errors import InputError
from encoder.text_file import SAVE_AS_UTF8
from encoder.workbook_styles import Styles

CHUNK = 1 << 16
LARGEST_STRINGS = 1 << 29
"""Bytes of XML that all texts of a workbook may have. The sheets themselves are never held in memory."""

_DAMAGE = (BadZipFile, zlib.error, struct.error, EOFError, ExpatError, LookupError, ValueError, RuntimeError)
_ESCAPED = re.compile("_x([0-9A-Fa-f]{4})_")


@dataclass(frozen=True)
class SheetPart:
    """A worksheet: its name, the part that holds it, and whether Excel shows it."""

    name: str
    part: str
    visible: bool


@dataclass(frozen=True, repr=False)
class Parts:
    """What a workbook holds beside its sheets' rows. ``texts``: those that cells refer to by their place."""

    archive: ZipFile
    sheets: list[SheetPart]
    texts: list[str]
    styles: Styles


class LocalNames(dict[str, str]):
    """The name of an element or attribute without its namespace, of which there are several for one meaning."""

    def __missing__(self, name: str) -> str:
        self[name] = name.rpartition(" ")[2]
        return self[name]


class _DoctypeRefused(ValueError):
    """No workbook has a document type; one that has may define entities without end."""


def new_parser() -> expat.XMLParserType:
    """A parser that gives names with their namespace and text in one piece, and refuses a document type."""
    parser = expat.ParserCreate(namespace_separator=" ")
    parser.buffer_text = True
    parser.buffer_size = CHUNK
    parser.StartDoctypeDeclHandler = _refuse_doctype
    return parser


def _refuse_doctype(*_: object) -> None:
    raise _DoctypeRefused


@contextmanager
def sound(path: Path) -> Iterator[None]:
    """What a damaged archive or document raises becomes an ``InputError``."""
    try:
        yield
    except _DAMAGE as error:
        raise damaged(path) from error
    except OSError as error:
        raise InputError(
            "The file cannot be read to its end.", where=str(path), remedy="Copy it to this machine and try again."
        ) from error


def damaged(path: Path) -> InputError:
    """The error for what no sound workbook holds."""
    return InputError(
        "The file is a damaged Excel workbook, or a ZIP archive of something else.",
        where=str(path),
        remedy="Open it in Excel and save it again as .xlsx, or name another file.",
    )


def read_parts(raw: BinaryIO, path: Path) -> Parts:
    """Read all that must be known before a sheet is read. Raises ``InputError`` for what is no .xlsx workbook."""
    with sound(path):
        archive = ZipFile(raw)
        names = set(archive.namelist())
    for sign, kind in (("xl/workbook.bin", "a binary Excel workbook (.xlsb)"), ("mimetype", "an OpenDocument file")):
        if sign in names:
            raise InputError(f"The file is {kind}.", where=str(path), remedy="Save it as .xlsx, or as CSV in UTF-8.")
    with sound(path):
        (main,) = (target for kind, target in _relations(archive, "").values() if kind == "officeDocument")
        relations = _relations(archive, main)
        parts = dict(relations.values())
        epoch, listed = _read_main(archive, main)
        sheets = [
            SheetPart(name, relations[reference][1], visible)
            for name, reference, visible in listed
            if relations[reference][0] == "worksheet"
        ]
        texts: list[str] = []
        if "sharedStrings" in parts:
            if archive.getinfo(parts["sharedStrings"]).file_size > LARGEST_STRINGS:
                raise InputError(
                    "The texts of this workbook are too large to be read.",
                    where=str(path),
                    remedy=f"Remove the columns that are not needed. {SAVE_AS_UTF8}",
                )
            texts = _read_texts(archive, parts["sharedStrings"])
        formats, codes = _read_formats(archive, parts["styles"]) if "styles" in parts else ([], {})
        return Parts(archive, sheets, texts, Styles(formats, codes, epoch=epoch))


def unescaped(text: str) -> str:
    """Text as Excel shows it: ``_x000D_`` stands for a character that XML cannot hold."""
    return _ESCAPED.sub(_character, text) if "_x" in text else text


def _character(escape: re.Match[str]) -> str:
    code = int(escape.group(1), 16)
    return chr(code) if code and not 0xD800 <= code <= 0xDFFF else escape.group()


def _nothing(_: str) -> None:
    pass


def _read(
    archive: ZipFile,
    part: str,
    start: Callable[[str, dict[str, str]], None],
    end: Callable[[str], None] = _nothing,
    data: Callable[[str], None] = _nothing,
) -> None:
    local = LocalNames()
    parser = new_parser()
    parser.StartElementHandler = lambda name, attributes: start(
        local[name], {local[key]: value for key, value in attributes.items()}
    )
    parser.EndElementHandler = lambda name: end(local[name])
    parser.CharacterDataHandler = data
    with archive.open(part) as stream:
        while chunk := stream.read(CHUNK):
            parser.Parse(chunk, False)
    parser.Parse(b"", True)


def _relations(archive: ZipFile, part: str) -> dict[str, tuple[str, str]]:
    """What a part refers to: the kind of each target and its name, by the reference's id."""
    folder, name = posixpath.split(part)
    found: dict[str, tuple[str, str]] = {}

    def start(tag: str, attributes: dict[str, str]) -> None:
        if tag == "Relationship" and attributes.get("TargetMode") != "External":
            kind = attributes["Type"].rpartition("/")[2]
            target = posixpath.normpath(posixpath.join("/", folder, attributes["Target"])).lstrip("/")
            found[attributes["Id"]] = (kind, target)

    _read(archive, posixpath.join(folder, "_rels", f"{name}.rels"), start)
    return found


def _read_main(archive: ZipFile, part: str) -> tuple[int, list[tuple[str, str, bool]]]:
    """The year that days are counted from; name, reference and visibility of every sheet."""
    epoch = 1900
    sheets: list[tuple[str, str, bool]] = []

    def start(tag: str, attributes: dict[str, str]) -> None:
        nonlocal epoch
        if tag == "workbookPr" and attributes.get("date1904") in ("1", "true"):
            epoch = 1904
        elif tag == "sheet":
            sheets.append((attributes["name"], attributes["id"], attributes.get("state", "visible") == "visible"))

    _read(archive, part, start)
    return epoch, sheets


def _read_texts(archive: ZipFile, part: str) -> list[str]:
    texts: list[str] = []
    pieces: list[str] = []
    inside = phonetic = False

    def start(tag: str, attributes: dict[str, str]) -> None:
        nonlocal inside, phonetic
        if tag == "t":
            inside = not phonetic
        elif tag == "rPh":
            phonetic = True

    def end(tag: str) -> None:
        nonlocal inside, phonetic
        if tag == "t":
            inside = False
        elif tag == "rPh":
            phonetic = False
        elif tag == "si":
            texts.append(unescaped("".join(pieces)))
            pieces.clear()

    def data(text: str) -> None:
        if inside:
            pieces.append(text)

    _read(archive, part, start, end, data)
    return texts


def _read_formats(archive: ZipFile, part: str) -> tuple[list[int], dict[int, str]]:
    """The number format of each style, and the formats that the workbook defines."""
    formats: list[int] = []
    codes: dict[int, str] = {}
    inside = False

    def start(tag: str, attributes: dict[str, str]) -> None:
        nonlocal inside
        if tag == "numFmt":
            codes[int(attributes["numFmtId"])] = attributes["formatCode"]
        elif tag == "cellXfs":
            inside = True
        elif tag == "xf" and inside:
            formats.append(int(attributes.get("numFmtId", 0)))

    def end(tag: str) -> None:
        nonlocal inside
        inside = inside and tag != "cellXfs"

    _read(archive, part, start, end)
    return formats, codes
