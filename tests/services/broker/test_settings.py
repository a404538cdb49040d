"""Every setting of the broker stands in a how-to, with its default."""

from pathlib import Path

import pytest

from services.broker.settings import Settings

HOW_TO = Path(__file__).parents[3] / "docs" / "how-to"
PAGES = "\n".join(page.read_text(encoding="utf-8") for page in sorted(HOW_TO.glob("*.md")))


@pytest.mark.parametrize("name", [name for name in Settings.model_fields if name != "home"])
def test_every_setting_is_told_with_its_default(name: str) -> None:
    default = Settings.model_fields[name].default
    told = f"| `{name.upper()}` | {'' if default is None else default}".rstrip()
    assert told in PAGES or f"COUNTERFOIL_BROKER_{name.upper()}" in PAGES
