"""compose.yaml: what each container may do, what reaches it, and what it is told."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from services.broker.settings import Settings

DEPLOY = Path(__file__).parents[2] / "deploy"
COMPOSE: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yaml").read_text(encoding="utf-8"))
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]


@pytest.mark.parametrize("name", SERVICES)
def test_every_container_can_do_no_more_than_it_must(name: str) -> None:
    service = SERVICES[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert "mem_limit" in service
    assert service["restart"] == "unless-stopped"
    assert not {"privileged", "network_mode", "pid", "cap_add"} & set(service)


def test_nobody_is_root() -> None:
    for service in SERVICES.values():
        if "build" in service:
            assert re.search(r"^USER 10001:10001$", (DEPLOY / "Dockerfile").read_text(encoding="utf-8"), re.MULTILINE)
        else:
            assert re.fullmatch(r"[1-9]\d*:10001", service["user"])


def test_only_the_proxy_is_reachable_from_outside() -> None:
    outside = {name for name, network in COMPOSE["networks"].items() if not network.get("internal")}
    assert outside == {"outside"}
    assert {name for name, service in SERVICES.items() if outside & set(service["networks"])} == {"proxy"}
    assert {name for name, service in SERVICES.items() if "ports" in service} == {"proxy"}
    assert not set(SERVICES["proxy"]["networks"]) & set(SERVICES["database"]["networks"])


def test_the_interface_only_hands_runs_on_and_workers_do_them() -> None:
    assert {"serve", "--no-work"} <= set(SERVICES["api"]["command"])
    assert SERVICES["worker"]["command"][0] == "work"
    assert "--name" not in SERVICES["worker"]["command"]  # each makes one up, as many as there are


def test_secrets_are_files_and_nothing_else() -> None:
    assert all(
        set(secret) == {"file"} and secret["file"].startswith("./secrets/") for secret in COMPOSE["secrets"].values()
    )
    for service in SERVICES.values():
        assert set(service["secrets"]) <= set(COMPOSE["secrets"])
        for name, value in service.get("environment", {}).items():
            assert name.endswith("_FILE") or not re.search("PASSWORD|SECRET|KEY|TOKEN", name)
            if str(value).startswith("/run/secrets/"):
                assert value.removeprefix("/run/secrets/") in service["secrets"]


def test_the_proxy_is_believed_and_whoever_else_is_in_its_network_is_the_interface() -> None:
    (network,) = COMPOSE["networks"]["front"]["ipam"]["config"]
    assert SERVICES["api"]["environment"]["COUNTERFOIL_BROKER_TRUSTED_PROXIES"] == network["subnet"]
    assert {name for name, service in SERVICES.items() if "front" in service["networks"]} == {"proxy", "api"}


def test_every_setting_is_one_of_the_broker() -> None:
    for name in SERVICES["api"]["environment"]:
        assert name.removeprefix("COUNTERFOIL_BROKER_").lower() in Settings.model_fields


def test_an_object_storage_is_an_address_and_a_file_of_options() -> None:
    more = yaml.safe_load((DEPLOY / "compose.storage.yaml").read_text(encoding="utf-8"))
    assert set(more["services"]) == {"api", "worker"}
    assert more["secrets"] == {"storage_options": {"file": "./secrets/storage_options"}}
    for service in more["services"].values():
        assert set(service) == {"environment", "secrets", "networks"}, "no port is published"
        assert set(service["networks"]) <= set(COMPOSE["networks"])
        assert service["environment"]["COUNTERFOIL_BROKER_STORAGE_OPTIONS"] == "/run/secrets/storage_options"
        assert service["secrets"] == ["storage_options"]
        for name in service["environment"]:
            assert name.removeprefix("COUNTERFOIL_BROKER_").lower() in Settings.model_fields


def test_the_image_has_what_speaks_to_object_storages() -> None:
    lock = (DEPLOY.parent / "requirements.lock").read_text(encoding="utf-8")
    assert re.search(r"^obstore==", lock, re.MULTILINE)
    assert "pip install --require-hashes --requirement requirements.lock" in (DEPLOY / "Dockerfile").read_text()


def test_every_image_is_pinned_and_every_service_watched() -> None:
    for name, service in SERVICES.items():
        assert re.search(r":\d+\.\d+", service["image"])
        watched = "test" in service.get("healthcheck", {}) or "build" in service
        assert watched, name
    bases = re.findall(r"^FROM (\S+)", (DEPLOY / "Dockerfile").read_text(encoding="utf-8"), re.MULTILINE)
    assert len(set(bases)) == 1
    assert re.fullmatch(r"python:3\.11\.\d+-slim-bookworm(@sha256:[0-9a-f]{64})?", bases[0])
