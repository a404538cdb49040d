"""The Helm chart: linted and rendered by Helm, compared with the schemas of Kubernetes, no looser than compose.yaml."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from helm_python.chart import Chart, lint
from helm_python.errors import HelmError
from kubernetes_validate.utils import validate

from services.broker.settings import Settings
from services.broker.watch.addresses import is_this_machine

CHART = Path(__file__).parents[2] / "deploy" / "helm" / "counterfoil-broker"
MONITORING = CHART.parents[1] / "monitoring"
VALUES: dict[str, Any] = {
    "image": {"repository": "registry.example/counterfoil-broker", "digest": f"sha256:{'0' * 64}"},
    "home": {"claim": "broker-home"},
    "identity": {"vaultKey": "https://example.vault.azure.net/keys/broker"},
    "workloadIdentity": True,
    "database": {
        "url": "postgresql+psycopg://counterfoil@db.example/counterfoil?sslmode=verify-full",
        "passwordSecret": {"name": "broker-database"},
    },
    "settings": {"MEMORY_MB": 2048},
    "ingress": {"host": "broker.example", "tlsSecret": "broker-tls"},
    "networkPolicy": {"to": {"database": {"cidr": "10.1.2.0/28"}, "https": ["10.1.3.4/32"]}},
}
WITH_PASSPHRASE = {**VALUES, "identity": {"passphraseSecret": {"name": "broker-passphrase"}}, "workloadIdentity": False}
WITH_BUCKET = {
    **VALUES,
    "storage": {
        "url": "s3://example-bucket/broker",
        "optionsSecret": {"name": "broker-storage", "key": "options.toml"},
    },
}
READERS = [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "monitoring"}}}]
WITH_METRICS = {
    **VALUES,
    "metrics": {
        "enabled": True,
        "tokenSecret": {"name": "broker-metrics", "key": "token"},
        "from": READERS,
        "podMonitor": {"enabled": True, "labels": {"release": "monitoring"}},
    },
}
BLOBS = "https://example.blob.core.windows.net/uploads/broker"


def rendered(values: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The manifests by kind and name."""
    with Chart.load(CHART) as chart:
        files = chart.render(values=values, name="broker", namespace="linkage")
    documents = [
        one for name, text in files.items() if name.endswith(".yaml") for one in yaml.safe_load_all(text) if one
    ]
    return {f"{one['kind']}/{one['metadata']['name']}": one for one in documents}


@pytest.fixture(scope="module")
def manifests() -> dict[str, dict[str, Any]]:
    return rendered(VALUES)


def pods(manifests: dict[str, dict[str, Any]]) -> list[dict[str, Any]]:
    return [one["spec"]["template"]["spec"] for one in manifests.values() if one["kind"] == "Deployment"]


@pytest.mark.parametrize(
    "values",
    [VALUES, WITH_PASSPHRASE, WITH_BUCKET, WITH_METRICS],
    ids=["vault", "passphrase", "bucket", "metrics"],
)
def test_helm_finds_no_fault_and_kubernetes_would_take_it(values: dict[str, Any]) -> None:
    report = lint(CHART, values=values, strict=True)
    assert report["errors"] == []
    assert [one["error"] for one in report["messages"]] == ["icon is recommended"]
    for manifest in rendered(values).values():
        for version in ("1.29", "1.37"):
            if manifest["kind"] != "PodMonitor":  # it is not of Kubernetes itself
                validate(manifest, version, strict=True)


def test_what_is_there(manifests: dict[str, dict[str, Any]]) -> None:
    assert set(manifests) == {
        "Deployment/broker-api",
        "Deployment/broker-worker",
        "Service/broker-api",
        "PodDisruptionBudget/broker-worker",
        "ServiceAccount/broker",
        "NetworkPolicy/broker",
        "NetworkPolicy/broker-api",
        "Ingress/broker",
    }


def test_every_pod_can_do_no_more_than_it_must(manifests: dict[str, dict[str, Any]]) -> None:
    for pod in pods(manifests):
        assert pod["automountServiceAccountToken"] is False
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        (container,) = pod["containers"]
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
        assert container["resources"]["limits"]["memory"]
        assert container["image"].endswith(f"@sha256:{'0' * 64}")
        assert not {"hostNetwork", "hostPID", "hostIPC"} & set(pod)


def test_one_interface_is_watched_and_hands_on_what_workers_do(manifests: dict[str, dict[str, Any]]) -> None:
    api, worker = (manifests[f"Deployment/broker-{name}"]["spec"] for name in ("api", "worker"))
    assert (api["replicas"], api["strategy"]) == (1, {"type": "Recreate"})
    (container,) = api["template"]["spec"]["containers"]
    assert container["args"][:2] == ["serve", "--no-work"]
    probes = {name: probe["httpGet"]["path"] for name, probe in container.items() if name.endswith("Probe")}
    assert probes == {"startupProbe": "/healthz", "livenessProbe": "/healthz", "readinessProbe": "/readyz"}
    assert worker["template"]["spec"]["containers"][0]["args"][0] == "work"
    assert manifests["PodDisruptionBudget/broker-worker"]["spec"]["selector"] == worker["selector"]


def test_secrets_are_files_and_settings_are_those_of_the_broker(manifests: dict[str, dict[str, Any]]) -> None:
    for pod in pods(manifests) + pods(rendered(WITH_PASSPHRASE)) + pods(rendered(WITH_BUCKET)):
        (container,) = pod["containers"]
        for variable in container["env"]:
            assert "secretKeyRef" not in str(variable)
            name = variable["name"].removeprefix("COUNTERFOIL_BROKER_").lower()
            assert name in Settings.model_fields or variable["name"] == "POD_NAME"


@pytest.mark.parametrize(
    ("storage", "options"), [(WITH_BUCKET["storage"], "/etc/counterfoil/storage_options"), ({"url": BLOBS}, None)]
)
def test_files_lie_in_an_object_storage_whose_options_are_a_file(storage: dict[str, Any], options: str | None) -> None:
    for pod in pods(rendered({**VALUES, "storage": storage})):
        environment = {one["name"]: one.get("value") for one in pod["containers"][0]["env"]}
        assert environment["COUNTERFOIL_BROKER_STORAGE_URL"] == storage["url"]
        assert environment.get("COUNTERFOIL_BROKER_STORAGE_OPTIONS") == options
        (secrets,) = [one["projected"] for one in pod["volumes"] if one["name"] == "secrets"]
        paths = [item["path"] for source in secrets["sources"] for item in source["secret"]["items"]]
        assert ("storage_options" in paths) == (options is not None)
        assert secrets["defaultMode"] == 0o440


def test_nothing_comes_in_but_to_the_interface_and_nothing_goes_out_but_where_it_must(
    manifests: dict[str, dict[str, Any]],
) -> None:
    both, api = (manifests[f"NetworkPolicy/{name}"]["spec"] for name in ("broker", "broker-api"))
    assert both["policyTypes"] == ["Ingress", "Egress"]
    assert "ingress" not in both
    blocks = [to["ipBlock"]["cidr"] for rule in both["egress"] for to in rule["to"] if "ipBlock" in to]
    assert blocks == ["10.1.2.0/28", "10.1.3.4/32"]
    assert api["podSelector"]["matchLabels"]["app.kubernetes.io/component"] == "api"
    assert [rule["from"] for rule in api["ingress"]] == [
        [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "ingress-nginx"}}}]
    ]


def test_metrics_are_off_until_they_are_switched_on(manifests: dict[str, dict[str, Any]]) -> None:
    assert "metrics" not in str(manifests).lower()


def test_metrics_are_for_whoever_has_the_token_and_is_named() -> None:
    manifests = rendered(WITH_METRICS)
    assert set(manifests) - set(rendered(VALUES)) == {"NetworkPolicy/broker-metrics", "PodMonitor/broker"}
    for pod in pods(manifests):
        (container,) = pod["containers"]
        environment = {one["name"].removeprefix("COUNTERFOIL_BROKER_"): one.get("value") for one in container["env"]}
        settings = Settings(
            home=CHART, **{name.lower(): value for name, value in environment.items() if name.startswith("METRICS_")}
        )
        assert not is_this_machine(settings.metrics_host)
        assert {"name": "metrics", "containerPort": settings.metrics_port} in container["ports"]
        (mount,) = [one for one in container["volumeMounts"] if one["name"] == "secrets"]
        (secrets,) = [one["projected"] for one in pod["volumes"] if one["name"] == "secrets"]
        places = {
            f"{mount['mountPath']}/{item['path']}": (source["secret"]["name"], item["key"])
            for source in secrets["sources"]
            for item in source["secret"]["items"]
        }
        assert places[str(settings.metrics_token_file)] == ("broker-metrics", "token")
        policy = manifests["NetworkPolicy/broker-metrics"]["spec"]
        assert policy["ingress"] == [{"from": READERS, "ports": [{"protocol": "TCP", "port": settings.metrics_port}]}]
    assert policy["podSelector"] == manifests["NetworkPolicy/broker"]["spec"]["podSelector"], "all pods of the broker"
    assert manifests["Service/broker-api"]["spec"]["ports"] == [{"name": "http", "port": 80, "targetPort": "http"}]


def test_the_operator_of_prometheus_finds_all_pods_under_the_name_that_alerts_know() -> None:
    manifests = rendered(WITH_METRICS)
    monitor = manifests["PodMonitor/broker"]
    assert monitor["metadata"]["labels"]["release"] == "monitoring"
    for name in ("api", "worker"):
        labels = manifests[f"Deployment/broker-{name}"]["spec"]["template"]["metadata"]["labels"]
        assert monitor["spec"]["selector"]["matchLabels"].items() <= labels.items()
    (endpoint,) = monitor["spec"]["podMetricsEndpoints"]
    assert endpoint["port"] == "metrics"
    assert endpoint["authorization"] == {"credentials": {"name": "broker-metrics", "key": "token"}}
    (job,) = [one["replacement"] for one in endpoint["relabelings"] if one["targetLabel"] == "job"]
    assert f'up{{job="{job}"}}' in (MONITORING / "alerts.yaml").read_text(encoding="utf-8")
    without = {**WITH_METRICS["metrics"], "podMonitor": {"enabled": False}}
    assert "PodMonitor/broker" not in rendered({**VALUES, "metrics": without})


def test_the_door_lets_metrics_through_for_nobody(manifests: dict[str, dict[str, Any]]) -> None:
    (rule,) = manifests["Ingress/broker"]["spec"]["rules"]
    assert [path["path"] for path in rule["http"]["paths"]] == ["/v1", "/healthz"]
    assert manifests["Ingress/broker"]["spec"]["tls"] == [{"hosts": ["broker.example"], "secretName": "broker-tls"}]


@pytest.mark.parametrize(
    "wrong",
    [
        {"home": {"claim": ""}},
        {"identity": {"vaultKey": ""}},
        {"identity": {"vaultKey": VALUES["identity"]["vaultKey"], "passphraseSecret": {"name": "both"}}},
        {"database": {**VALUES["database"], "url": "postgresql+psycopg://counterfoil:hunter2@db.example/counterfoil"}},
        {"database": {"url": VALUES["database"]["url"], "passwordSecret": {"name": ""}}},
        {"storage": {"url": "s3://AKIA:hunter2@example-bucket/broker"}},
        {"storage": {"url": f"{BLOBS}?sig=hunter2"}},
        {"image": {"repository": "x", "tag": "latest"}},
        {"ingress": {"host": "broker.example", "tlsSecret": ""}},
        {"networkPolicy": {"to": {"database": {"cidr": ""}}}},
        {"networkPolicy": {**VALUES["networkPolicy"], "from": []}},
        {"metrics": {**WITH_METRICS["metrics"], "tokenSecret": {"name": ""}}},
        {"metrics": {**WITH_METRICS["metrics"], "from": []}},
        {"metrics": {**WITH_METRICS["metrics"], "from": [{}]}},
        {"unknown": 1},
    ],
    ids=lambda wrong: f"{next(iter(wrong))}-{len(str(wrong))}",
)
def test_values_that_would_leave_something_open_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(HelmError):
        rendered({**VALUES, **wrong})
