"""Which of the default match-keys a holder's identifiers can make in full."""

import tomllib
from collections.abc import Iterable

from keys.template import template_text
from keys.terms import fields_of


def default_keys(identifiers: Iterable[str]) -> tuple[tuple[str, ...], dict[str, tuple[str, ...]]]:
    """The names of those that have all their fields, and the others with the fields that they lack.

    ``identifiers`` are in the agreement's words. Which match-keys two holders can really use depends on both, and
    stands in the agreement's review.
    """
    have = {field.value for field in fields_of(identifiers)}
    whole: list[str] = []
    lacking: dict[str, tuple[str, ...]] = {}
    for key in tomllib.loads(template_text())["match_keys"]:
        needed = key.get("tuple_of") or [feature["field"] for feature in key["features"]]
        if missing := tuple(field for field in needed if field not in have):
            lacking[key["name"]] = missing
        else:
            whole.append(key["name"])
    return tuple(whole), lacking
