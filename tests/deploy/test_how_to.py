"""What the how-to pages on deploying say is there: files, settings, commands, secrets."""

from __future__ import annotations

import re

import pytest
import typer
import yaml

from deploy.release import ROOT
from services.broker.settings import Settings
from services.cli import app

DEPLOYING = ROOT / "docs" / "how-to" / "deploy-a-broker.md"
PAGES = [
    DEPLOYING,
    *(ROOT / "docs" / "how-to" / f"{name}.md" for name in ("upgrade-a-broker", "lock-the-brokers-identity")),
]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_file_and_every_option_is_there(page: object) -> None:
    text = page.read_text(encoding="utf-8")  # type: ignore[attr-defined]
    for name in re.findall(r"\bdeploy/[\w./-]+\w", text):
        assert name.startswith("deploy/secrets") or (ROOT / name).exists(), name
    commands = typer.main.get_command(app).commands  # type: ignore[attr-defined]
    for verb, rest in re.findall(r"counterfoil-broker (\w+)((?: \\\n|[^\n`])*)", text):
        known = {option for parameter in commands[verb].params for option in parameter.opts}
        assert set(re.findall(r"(?<=\s)--[a-z-]+", rest)) <= known, (verb, rest)


def test_every_setting_of_a_deployment_stands_on_the_page() -> None:
    text = DEPLOYING.read_text(encoding="utf-8")
    named = {
        name.lower()
        for row in re.findall(r"^\| (`[A-Z].*?) \|", text, re.MULTILINE)
        for name in re.findall(r"`(\w+)`", row)
    }
    assert {"database_url", "database_password_file", "vault_key"} <= named <= set(Settings.model_fields)


def test_every_secret_of_compose_is_asked_for() -> None:
    compose = yaml.safe_load((ROOT / "deploy" / "compose.yaml").read_text(encoding="utf-8"))
    text = DEPLOYING.read_text(encoding="utf-8")
    for name in compose["secrets"]:
        assert f"`{name}`" in text
