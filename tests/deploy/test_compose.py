"""compose.yaml: what each container may do, what reaches it, and what it is told."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from services.broker.settings import Settings
from services.broker.watch.addresses import is_this_machine

DEPLOY = Path(__file__).parents[2] / "deploy"
COMPOSE: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yaml").read_text(encoding="utf-8"))
PREFIX = "COUNTERFOIL_BROKER_"
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


def test_metrics_are_read_with_a_token_in_a_network_of_their_own() -> None:
    more = yaml.safe_load((DEPLOY / "compose.metrics.yaml").read_text(encoding="utf-8"))
    assert more["secrets"] == {"metrics_token": {"file": "./secrets/metrics_token"}}
    assert more["networks"] == {"watch": {"internal": True}}
    reader, processes = more["services"].pop("prometheus"), more["services"]
    (job,) = prometheus("prometheus.compose.yaml")["scrape_configs"]
    (found,) = job["dns_sd_configs"]
    assert set(found["names"]) == set(processes) == {"api", "worker"}
    for service in processes.values():
        assert set(service) == {"environment", "secrets", "networks"}, "no port is published"
        assert service["networks"] == ["watch"]
        environment = service["environment"].items()
        settings = Settings(home=DEPLOY, **{name.removeprefix(PREFIX).lower(): value for name, value in environment})
        assert not is_this_machine(settings.metrics_host)
        assert settings.metrics_port == found["port"]
        assert str(settings.metrics_token_file) == job["authorization"]["credentials_file"]
        assert settings.metrics_token_file == Path("/run/secrets") / service["secrets"][0]
    guarded = ("restart", "read_only", "cap_drop", "security_opt")
    assert {name: reader[name] for name in guarded} == {name: SERVICES["api"][name] for name in guarded}
    assert "mem_limit" in reader
    assert re.fullmatch(r"[1-9]\d*:10001", reader["user"])
    assert re.search(r":v\d+\.\d+\.\d+$", reader["image"])
    assert all(port.startswith("127.0.0.1:") for port in reader["ports"])
    assert set(reader["networks"]) <= {"watch", *COMPOSE["networks"]}
    assert not set(reader["networks"]) & set(SERVICES["database"]["networks"])
    assert reader["secrets"] == ["metrics_token"]


def test_prometheus_has_the_rules_beside_it_and_the_name_that_they_know() -> None:
    reader = yaml.safe_load((DEPLOY / "compose.metrics.yaml").read_text(encoding="utf-8"))["services"]["prometheus"]
    mounted = dict(one.split(":")[:2] for one in reader["volumes"])
    for name in mounted:
        assert not name.startswith("./") or (DEPLOY / name).is_file()
    config = Path(mounted["./monitoring/prometheus.compose.yaml"])
    assert f"--config.file={config}" in reader["command"]
    assert f"--storage.tsdb.path={mounted['prometheus']}" in reader["command"]
    for name in ("prometheus.yaml", "prometheus.compose.yaml"):
        told = prometheus(name)
        (rules,) = told["rule_files"]
        assert str(config.parent / rules) in mounted.values()
        (job,) = told["scrape_configs"]
        assert f'up{{job="{job["job_name"]}"}}' in (DEPLOY / "monitoring" / rules).read_text(encoding="utf-8")


def prometheus(name: str) -> Any:
    return yaml.safe_load((DEPLOY / "monitoring" / name).read_text(encoding="utf-8"))


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
