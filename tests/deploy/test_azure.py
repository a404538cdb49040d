"""The Bicep files: parsed, put together in the right way, and open to nobody but whom they name.

Parsed, not compiled: no compiler of Bicep comes in a package. What one would check beside is not checked here.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from pycep import BicepParser

from keys.wrapped import ALGORITHM
from services.broker.settings import Settings

AZURE = Path(__file__).parents[2] / "deploy" / "azure"
FILES = sorted(path.name for path in AZURE.glob("*.bicep"))


@pytest.fixture(scope="module")
def parsed() -> dict[str, dict[str, Any]]:
    parser = BicepParser()
    return {name: dict(parser.parse(file_path=AZURE / name)) for name in FILES}


def resources(parsed: dict[str, dict[str, Any]], kind: str) -> list[dict[str, Any]]:
    """The properties of every resource of a kind."""
    return [
        one["config"]["properties"]
        for document in parsed.values()
        for one in document["resources"].values()
        if one["type"] == kind and not one["existing"]
    ]


def test_every_module_is_given_just_what_it_takes(parsed: dict[str, dict[str, Any]]) -> None:
    modules = parsed["main.bicep"]["modules"]
    assert {one["detail"]["path"] for one in modules.values()} == set(FILES) - {"main.bicep"}
    for one in modules.values():
        assert set(one["config"]["params"]) == set(parsed[one["detail"]["path"]]["parameters"])


def test_every_output_that_is_used_is_there(parsed: dict[str, dict[str, Any]]) -> None:
    text = (AZURE / "main.bicep").read_text(encoding="utf-8")
    used = re.findall(r"\b(\w+)\.outputs\.(\w+)", text)
    assert used
    for module, output in used:
        assert output in parsed[f"{module}.bicep"]["outputs"]


def test_passwords_are_secure_parameters_and_no_output() -> None:
    for name in FILES:
        text = (AZURE / name).read_text(encoding="utf-8")
        for parameter in re.findall(r"param (\w*[pP]assword) string", text):
            before = text[: text.index(f"param {parameter} ")]
            assert "@secure()" in before[before.rindex("\n\n") :]
            assert not re.search(rf"^output .*\b{parameter}\b", text, re.MULTILINE)


def test_everything_is_in_the_south_of_the_united_kingdom() -> None:
    text = (AZURE / "main.bicep").read_text(encoding="utf-8")
    assert "@allowed(['uksouth'])\nparam location string = 'uksouth'" in text


def test_vault_database_and_share_are_reached_by_private_addresses_alone(parsed: dict[str, dict[str, Any]]) -> None:
    (vault,) = resources(parsed, "Microsoft.KeyVault/vaults")
    (account,) = resources(parsed, "Microsoft.Storage/storageAccounts")
    (server,) = resources(parsed, "Microsoft.DBforPostgreSQL/flexibleServers")
    assert vault["publicNetworkAccess"] == account["publicNetworkAccess"] == "Disabled"
    assert vault["networkAcls"] == account["networkAcls"] == {"bypass": "None", "defaultAction": "Deny"}
    assert server["network"]["publicNetworkAccess"] == "Disabled"
    assert account["allowSharedKeyAccess"] is account["allowBlobPublicAccess"] is False
    assert vault["enablePurgeProtection"] is vault["enableRbacAuthorization"] is True
    endpoints = resources(parsed, "Microsoft.Network/privateEndpoints")
    groups = [one["privateLinkServiceConnections"][0]["properties"]["groupIds"] for one in endpoints]
    assert sorted(groups) == [["file"], ["vault"]]


def test_the_vaults_key_wraps_and_nothing_else(parsed: dict[str, dict[str, Any]]) -> None:
    (key,) = resources(parsed, "Microsoft.KeyVault/vaults/keys")
    assert (key["kty"], key["keySize"], key["keyOps"]) == ("RSA-HSM", 3072, ["wrapKey", "unwrapKey"])
    assert ALGORITHM.startswith("RSA-")


def test_the_database_speaks_tls_and_keeps_backups_for_a_week(parsed: dict[str, dict[str, Any]]) -> None:
    text = (AZURE / "database.bicep").read_text(encoding="utf-8")
    for name, value in (
        ("require_secure_transport", "on"),
        ("ssl_min_protocol_version", "TLSv1.2"),
        ("password_encryption", "scram-sha-256"),
    ):
        assert re.search(rf"name: '{name}'\n  properties: {{\n    value: '{value}'", text)
    (server,) = resources(parsed, "Microsoft.DBforPostgreSQL/flexibleServers")
    assert server["backup"]["backupRetentionDays"] == 7
    assert "sslmode=verify-full" in (AZURE / "apps.bicep").read_text(encoding="utf-8")


def test_one_interface_is_reached_by_those_who_are_named_and_workers_by_nobody(
    parsed: dict[str, dict[str, Any]],
) -> None:
    api, worker = resources(parsed, "Microsoft.App/containerApps")
    ingress = api["configuration"]["ingress"]
    assert ingress["allowInsecure"] is False
    assert "allowedNetworks" in str(ingress["ipSecurityRestrictions"])
    assert "ingress" not in worker["configuration"]
    assert api["template"]["scale"] == {"minReplicas": 1, "maxReplicas": 1}
    assert [one["template"]["containers"][0]["args"][0] for one in (api, worker)] == ["serve", "work"]
    probes = {one["type"]: one["httpGet"]["path"] for one in api["template"]["containers"][0]["probes"]}
    assert probes == {"Startup": "/healthz", "Liveness": "/healthz", "Readiness": "/readyz"}


def test_every_setting_is_one_of_the_broker(parsed: dict[str, dict[str, Any]]) -> None:
    named = set(re.findall(r"COUNTERFOIL_BROKER_(\w+)", (AZURE / "apps.bicep").read_text(encoding="utf-8")))
    assert {"DATABASE_URL", "DATABASE_PASSWORD_FILE", "VAULT_KEY", "STORAGE_URL"} <= named
    assert {name.lower() for name in named} <= set(Settings.model_fields)


def test_what_matters_is_logged(parsed: dict[str, dict[str, Any]]) -> None:
    settings = resources(parsed, "Microsoft.Insights/diagnosticSettings")
    categories = {log["category"] for one in settings for log in one["logs"] if log["enabled"] is True}
    assert categories == {"AuditEvent", "PostgreSQLLogs", "StorageDelete"}


def test_what_is_no_bicep_is_found() -> None:
    text = (AZURE / "vault.bicep").read_text(encoding="utf-8")
    with pytest.raises(Exception, match="Unexpected"):
        BicepParser().parse(text=text.replace("properties: {", "properties: ", 1))
