"""The one door to clkhash, which is the authority on what a linkage schema means.

Reading a schema, checking and formatting values, splitting them into tokens and deriving keys is all done by
clkhash itself. Where clkhash would fail with a traceback, or with a message that shows a value, this module
says what is wrong and shows none.
"""

import codecs
import copy
import json
import re
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from encoder.errors import InputError, SchemaError
from keys.errors import SecretError

with warnings.catch_warnings():
    # clkhash imports pkg_resources only to learn its own version; setuptools warns about that.
    warnings.filterwarnings("ignore", message="pkg_resources is deprecated", category=UserWarning)
    import clkhash.schema as _schema
    from clkhash import comparators as _comparators
    from clkhash import field_formats as _formats
    from clkhash.key_derivation import generate_key_lists

XorFolds = Literal["clkhash", "schema"]

_LARGEST_BLAKE_KEY = 64  # bytes, RFC 7693
_MOST_FOLDS = 24
_MOST_BITS = 1 << _MOST_FOLDS  # of a filter before folding: 2 MiB a row, far above any use
_MOST_INSERTIONS = 1 << 16
_LONGEST_NGRAM = 1 << 10
_FINEST_NUMBERS = 1 << 10
_DAYS_OF_ANY_MONTH = 28
_FEW = 10
_MARKS = {"utf-16": codecs.BOM_UTF16_LE, "utf-32": codecs.BOM_UTF32_LE}
_DATE_PARTS = {"%Y": "(?P<Y>[1-9][0-9]{3})", "%m": "(?P<m>0[1-9]|1[0-2])", "%d": "(?P<d>0[1-9]|[12][0-9]|3[01])"}


@dataclass(frozen=True)
class Feature:
    """One column of a linkage schema. An ignored one is checked by its name only and sets no bits."""

    name: str
    _spec: Any = field(repr=False)

    @property
    def ignored(self) -> bool:
        return self._spec.hashing_properties is None

    @property
    def hash_type(self) -> str:
        """``blakeHash`` or ``doubleHash``."""
        return str(self._spec.hashing_properties.hash_type)

    @property
    def prevent_singularity(self) -> bool:
        return bool(self._spec.hashing_properties.prevent_singularity)

    @property
    def encoding(self) -> str:
        """``ascii``, ``utf-8``, ``utf-16`` or ``utf-32``."""
        return str(self._spec.hashing_properties.encoding)

    def bytes_of(self, tokens: Iterable[str]) -> list[bytes]:
        """Each token as it is hashed: in UTF-16 and UTF-32 with a byte order mark, and little-endian on any machine."""
        mark = _MARKS.get(self.encoding)
        if mark is None:
            return [token.encode(self.encoding) for token in tokens]
        return [mark + token.encode(f"{self.encoding}-le") for token in tokens]

    @property
    def ngram(self) -> tuple[int, bool] | None:
        """``(n, positional)`` if the feature is split into n-grams, or else None."""
        comparator = self._spec.hashing_properties.comparator
        if type(comparator) is _comparators.NgramComparison:
            return comparator.n, bool(comparator.positional)
        return None

    @property
    def rule(self) -> str:
        """What the schema asks of a value, in words."""
        spec = self._spec
        if isinstance(spec, _formats.IntegerSpec):
            limits = [f" {word} {n}" for word, n in (("from", spec.minimum), ("to", spec.maximum)) if n is not None]
            return f"a whole number{''.join(limits)}"
        if isinstance(spec, _formats.DateSpec):
            return f"a date written as {spec.format}"
        if isinstance(spec, _formats.EnumSpec):
            few = sorted(spec.values) if len(spec.values) <= _FEW else ["the values that the schema lists"]
            return f"one of {', '.join(few)}"
        if self.ignored:
            return "anything"
        return self._rule_of_text()

    def _rule_of_text(self) -> str:
        spec, parts = self._spec, [f"text that {self.encoding} can hold"]
        if spec.regex_based:
            parts.append(f"in the pattern {spec.regex.pattern}")
        else:
            parts += [f"in {spec.case} case"] if spec.case != "mixed" else []
            parts += [f"of {spec.min_length} characters or more"] if spec.min_length else []
            parts += [f"of {spec.max_length} characters or fewer"] if spec.max_length is not None else []
        if isinstance(spec.hashing_properties.comparator, _comparators.NumericComparison):
            parts.append("that is a number")
        return ", ".join(parts)

    def accepts(self, value: str) -> bool:
        """Whether clkhash takes the value: it is valid by the schema, and can be split into tokens."""
        if self.ignored:
            return True
        try:
            self._spec.validate(value)
            tokens = self.tokens(self.format(value)) if self.ngram is None else (self.format(value),)
            "".join(tokens).encode(self.encoding)
        except (ValueError, OverflowError):  # a numeric comparison of "inf" overflows
            return False
        return True

    def format(self, value: str) -> str:
        """The value as it is hashed: a missing value replaced, a number or date in its one form.

        Raises ValueError when clkhash cannot read the value. The message shows the value: never pass it on.
        """
        return str(self._spec.format_value(value))

    def format_all(self, values: Sequence[str]) -> list[str]:
        """Each value formatted, but an empty one that is not the sign for a missing value stays empty."""
        missing = self._spec.hashing_properties.missing_value
        signs = {"": ""} if missing is None else {"": "", missing.sentinel: missing.replace_with}
        form = self._form()
        if form is str and signs == {"": ""}:
            return list(values)
        return [signs[value] if value in signs else form(value) for value in values]

    def _form(self) -> Callable[[str], str]:
        """`format` for values that are there, shortened where clkhash's result is plain."""
        if type(self._spec)._format_regular_value is _formats.FieldSpec._format_regular_value:
            return str  # clkhash takes text as it stands
        strict = _strict_date(self._spec.format) if isinstance(self._spec, _formats.DateSpec) else None
        if strict is None:
            return self.format

        def form(value: str) -> str:
            parts = strict.fullmatch(value)
            if parts is None or int(parts["d"]) > _DAYS_OF_ANY_MONTH:
                return self.format(value)
            return parts["Y"] + parts["m"] + parts["d"]

        return form

    def tokens(self, formatted: str) -> tuple[str, ...]:
        """The tokens of one formatted value, in order. Raises ValueError or OverflowError."""
        return tuple(self._spec.hashing_properties.comparator.tokenize(formatted))

    def bits_per_token(self, count: int) -> Sequence[int]:
        """How often each of ``count`` tokens is inserted, in the order of the tokens."""
        bits: Sequence[int] = self._spec.hashing_properties.strategy.bits_per_token(count)
        return bits


@dataclass(frozen=True)
class Schema:
    """A linkage schema, read. ``length`` is in bits, after ``folds`` XOR folds; features are in column order."""

    features: tuple[Feature, ...]
    length: int
    folds: int
    _source: Any = field(repr=False)

    def keys(self, secret: bytes) -> tuple[tuple[bytes, ...], ...]:
        """Two keys for each feature, the ignored ones too (as clkhash has it: HKDF, RFC 5869, in one piece)."""
        if not secret:
            raise SecretError("The linkage secret is empty.", remedy="Use the secret that the partners agreed on.")
        s = self._source
        keys: tuple[tuple[bytes, ...], ...] = generate_key_lists(
            secret,
            len(self.features),
            key_size=s.kdf_key_size,
            salt=s.kdf_salt,
            info=s.kdf_info,
            kdf=s.kdf_type,
            hash_algo=s.kdf_hash,
        )
        return keys


def read_schema(path: Path, *, xor_folds: XorFolds | None = None) -> Schema:
    """The linkage schema (version 1, 2 or 3) in a JSON file. See `load_schema`.

    Raises InputError when the file cannot be read and SchemaError when it is no valid schema.
    """
    try:
        document = json.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise InputError(
            "The linkage schema cannot be read.", where=str(path), remedy="Check that the file is there."
        ) from error
    except ValueError as error:  # not UTF-8, or not JSON
        raise SchemaError(
            "The linkage schema is not JSON.", where=str(path), remedy="Give a clkhash linkage schema."
        ) from error
    return load_schema(document, xor_folds=xor_folds, where=str(path))


def load_schema(document: Mapping[str, Any], *, xor_folds: XorFolds | None = None, where: str | None = None) -> Schema:
    """The linkage schema (version 1, 2 or 3) in a JSON object, as clkhash reads it.

    The documented key ``xorFolds`` is ignored by clkhash up to 0.18; it folds by ``xor_folds`` only. A schema
    in which the two differ is refused unless ``xor_folds`` says which counts: ``"clkhash"`` (what clkhash does)
    or ``"schema"`` (what its documents say).

    Raises SchemaError: not a valid schema, nothing to hash, or parameters with which clkhash cannot encode.
    """
    try:
        # A deep copy, because clkhash writes its defaults into what it is given.
        source = _schema.from_json_dict(copy.deepcopy(document))
    except (_schema.SchemaError, _schema.MasterSchemaError, ValueError, TypeError, KeyError) as error:
        raise SchemaError(
            f"This is not a linkage schema that clkhash can read: {_reason(error)}.",
            where=where,
            remedy="Correct the schema; clkhash's own documentation describes versions 1 to 3.",
        ) from error
    schema = Schema(
        features=tuple(Feature(spec.identifier, spec) for spec in source.fields),
        length=source.l,
        folds=_folds(document, source.xor_folds, xor_folds, where),
        _source=source,
    )
    for fault in _faults(schema):
        raise SchemaError(fault, where=where, remedy="Correct the schema, for all partners alike.")
    return schema


def _strict_date(form: str) -> re.Pattern[str] | None:
    """A pattern for dates that strptime reads by ``form`` digit for digit, or None: the rest is left to strptime.

    strptime is a hundred times slower, and takes most of the time that a file of few rows needs.
    """
    pieces = re.split("(%.)", form)
    if sorted(pieces[1::2]) != sorted(_DATE_PARTS) or not set("".join(pieces[::2])) <= set("-/."):
        return None
    return re.compile("".join(_DATE_PARTS.get(piece, re.escape(piece)) for piece in pieces))


def _reason(error: Exception) -> str:
    """What is wrong, in one line; a schema holds no identifiers, so it may be shown."""
    faults = getattr(error, "errors", None)  # clkhash's list of features that it cannot read
    told = getattr(error.__cause__, "message", None)  # jsonschema's, without the schema around it
    text = f"{error} is missing" if isinstance(error, KeyError) else told or str(faults[0] if faults else error)
    return text.strip().split("\n")[0].rstrip(".")[:200]


def _folds(document: Mapping[str, Any], effective: Any, choice: XorFolds | None, where: str | None) -> Any:
    declared = document["clkConfig"].get("xorFolds", effective)
    if declared == effective or choice == "clkhash":
        return effective
    if choice == "schema":
        return declared
    raise SchemaError(
        f"The schema asks for {declared} XOR folds with the key xorFolds, which clkhash ignores: it would fold"
        f" {effective} times.",
        where=where,
        remedy="Say which is meant with --xor-folds clkhash or --xor-folds schema, the same at every partner.",
    )


def _faults(schema: Schema) -> list[str]:
    """Why clkhash could not encode with this schema, though it reads it."""
    source = schema._source
    sizes = (schema.length, schema.folds, source.kdf_key_size)
    if not all(type(size) is int for size in sizes) or schema.folds < 0:
        return ["The filter's length, its XOR folds and the key size must be whole numbers."]
    if schema.folds > _MOST_FOLDS or schema.length << schema.folds > _MOST_BITS:
        return [f"The filter has more than {_MOST_BITS:,} bits before folding."]
    hashed = [feature for feature in schema.features if not feature.ignored]
    if not hashed:
        return ["The schema hashes no column."]
    faults = [fault for feature in hashed for fault in _faults_of(feature, schema)]
    if not faults:
        try:
            schema.keys(b"only to learn whether the sizes fit")
        except ValueError:
            faults.append(
                f"{len(schema.features)} features with keys of {source.kdf_key_size} bytes are more than HKDF"
                f" with {source.kdf_hash} can derive."
            )
    return faults


def _faults_of(feature: Feature, schema: Schema) -> Iterator[str]:
    length = schema.length << schema.folds
    if feature.ngram is not None and type(feature.ngram[0]) is not int:
        yield f"The n-grams of the feature {feature.name} must have a whole number of characters."
    elif feature.ngram is not None and feature.ngram[0] > _LONGEST_NGRAM:
        yield f"The n-grams of the feature {feature.name} have more than {_LONGEST_NGRAM:,} characters."
    resolution = getattr(feature._spec.hashing_properties.comparator, "resolution", 1)  # of numbers
    if type(resolution) is not int or resolution > _FINEST_NUMBERS:
        yield f"The resolution of the feature {feature.name} must be a whole number, {_FINEST_NUMBERS:,} or less."
    if feature.bits_per_token(1)[0] > _MOST_INSERTIONS:
        yield f"The feature {feature.name} sets bits more than {_MOST_INSERTIONS:,} times."
    if feature.hash_type == "blakeHash" and length & (length - 1):
        yield f"blakeHash needs a filter of 2, 4, 8 ... bits before folding, not {length}."
    if feature.hash_type == "blakeHash" and schema._source.kdf_key_size > _LARGEST_BLAKE_KEY:
        yield f"blakeHash takes keys of {_LARGEST_BLAKE_KEY} bytes or fewer."
    if feature.prevent_singularity and length == 1:
        yield "prevent_singularity cannot work in a filter of one bit."
