"""Control rows of a made-up agreement as they came first: ``python -m tests.vectors.making.control_rows`` writes them.

They are made by the encoder itself and kept, so that whatever changes them is noticed: holders with different versions
of it would have different rows.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from encoder.control_rows import control_digest, control_rows, planned
from keys.secret import Secret
from keys.template import default_terms

SECRET, AGREEMENT = bytes(range(32)), "c0" * 32
IDENTIFIERS = ("forename", "surname", "sex", "date_of_birth", "postcode", "nhs_number", "upn")
FILE = Path(__file__).parents[1] / "control_rows.json"
ROWS = 48


def vectors() -> dict[str, Any]:
    """Of three holders with every identifier, by control number, normalised."""
    terms = default_terms(
        dict.fromkeys(("council", "icb", "school"), IDENTIFIERS),
        control={"rows": ROWS},
        expires="2027-12-31T00:00:00+00:00",
    )
    secret = Secret(SECRET, agreement=AGREEMENT)
    found = {}
    for holder in terms.holders:
        columns = control_rows(terms, holder.name, secret).columns
        found[holder.name] = [
            {name: column.values[column.codes[row]] for name, column in columns.items() if name in IDENTIFIERS}
            for row in range(ROWS)
        ]
    plans = [[plan.fault.value, terms.holders[plan.holder].name, plan.numbered] for plan in planned(terms)]
    digest = control_digest(terms, secret).hex()
    return {"secret": SECRET.hex(), "agreement": AGREEMENT, "planned": plans, "digest": digest, "rows": found}


def text() -> str:
    return json.dumps(vectors(), indent=1, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    FILE.write_text(text(), encoding="utf-8", newline="\n")
