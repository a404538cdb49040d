"""A deployment as compose.yaml has it, without its containers: proxy, HTTP interface, worker, and a database that wants
a password. Real processes with the deployment's own configuration and its own script."""

from __future__ import annotations

import json
import os
import secrets
import socket
import ssl
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from sqlalchemy import text
from typer.testing import CliRunner

from encoder.workspace import Workspace
from services.broker.errors import BrokerError
from services.broker.settings import Settings
from services.broker.store.database import Store
from services.cli import app
from services.rehearsal.party import gather, write_identity
from services.rehearsal.server import Launched, free_port, launch, launch_worker
from tests.broker import Broker
from tests.nginx import nginx
from tests.postgres import USER, postgres
from tests.seen import refused
from tests.stage import Scene, children
from tests.tls import Authority

SCRIPT = Path(__file__).parents[2] / "deploy" / "postgres" / "10-broker.sh"
BOTH = children(60, seed=1)
ROWS = {"north": BOTH + children(20, seed=2), "south": BOTH + children(30, seed=3)}


@dataclass(repr=False)
class Deployment:
    """What runs, and how it is reached."""

    broker: Broker
    processes: tuple[Launched, Launched]
    address: str
    password: str
    password_file: Path
    passphrase_file: Path
    authority: Authority


@pytest.fixture(scope="module")
def deployment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    folder = tmp_path_factory.mktemp("deployment")
    password, password_file = secrets.token_hex(16), folder / "database_password"
    password_file.write_text(f"{password}\n")
    home = Workspace(folder / "home")
    home.root.mkdir(mode=0o700)
    identity = gather([]).broker
    passphrase = write_identity(home, identity)
    passphrase_file = folder / "passphrase"
    passphrase_file.write_text(passphrase)
    authority = Authority(folder, "authority")
    certificate = authority.issue("127.0.0.1")
    with ExitStack() as stack:
        server = stack.enter_context(postgres(guarded=True))
        environment = {"PATH": os.environ["PATH"], "PGHOST": str(server.folder), "PGPORT": str(server.port)}
        environment |= {"POSTGRES_USER": USER, "BROKER_PASSWORD_FILE": str(password_file)}
        subprocess.run([str(SCRIPT)], check=True, env=environment)
        address = f"postgresql+psycopg://counterfoil@127.0.0.1:{server.port}/counterfoil"
        monkeypatch = stack.enter_context(pytest.MonkeyPatch.context())
        monkeypatch.setenv("COUNTERFOIL_BROKER_DATABASE_URL", address)
        monkeypatch.setenv("COUNTERFOIL_BROKER_DATABASE_PASSWORD_FILE", str(password_file))
        monkeypatch.setenv("COUNTERFOIL_BROKER_PART_KB", "64")
        api = launch(home.root, passphrase=passphrase, work=False)
        stack.callback(api.stop)
        worker = launch_worker(home.root, "worker", passphrase=passphrase)
        stack.callback(worker.stop)
        port = stack.enter_context(nginx(upstream=api.url.removeprefix("http://"), certificate=certificate))
        monkeypatch.setenv("SSL_CERT_FILE", str(authority.file))
        broker = Broker(identity, Settings(home=home.root), f"https://127.0.0.1:{port}")
        yield Deployment(broker, (api, worker), address, password, password_file, passphrase_file, authority)


def ask(deployment: Deployment, method: str, path: str, content: bytes = b"") -> httpx.Response:
    context = ssl.create_default_context(cafile=str(deployment.authority.file))
    with httpx.Client(verify=context, trust_env=False) as http:
        return http.request(method, deployment.broker.url + path, content=content)


def test_a_linkage_goes_through_proxy_and_worker(deployment: Deployment, tmp_path: Path) -> None:
    """Signatures verify behind the proxy, uploads go in parts, and the worker does what the interface hands on."""
    with closing(Scene.of(deployment.broker, tmp_path)) as scene:
        scene.open()
        for name, rows in ROWS.items():
            scene.upload(name, rows)
        run = scene.start_run()
        scene.status(run, "matched", "failed")
        scene.release(run)
        expected = {frozenset({("north", child["id"]), ("south", child["id"])}) for child in BOTH}
        assert scene.links(run) == expected


def test_doctor_finds_nothing_wrong_and_says_who_is_at_work(
    deployment: Deployment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)  # or the packages of the folder that one is in would be told
    words = ["--home", str(deployment.broker.home), "--passphrase-file", str(deployment.passphrase_file)]
    done = CliRunner().invoke(app, ["doctor", *words, "--url", deployment.broker.url, "--json"])
    assert done.exit_code == 0, done.output
    found = {one["name"]: one for one in json.loads(done.stdout)["findings"]}
    assert found["identity"]["found"].endswith("it opens")
    assert found["agreements"]["found"] == "1 in force, with this broker; every receiving key is here"
    assert found["workers"]["found"] == "1 at work (worker); only answering: broker"
    assert found["clock"]["found"] == "as the database's"
    assert found["tables"]["found"].endswith("the newest")
    assert (found["TLS"]["found"], found["door"]["found"]) == ("TLSv1.3", "the broker answers")
    assert {"database TLS", "database role", "HSTS", "metrics"} & set(found) == set()
    assert "Renew it now." in found["certificate"]["remedy"]  # it ends tomorrow
    assert deployment.password not in done.output


def test_the_password_is_in_no_environment_argument_or_log(deployment: Deployment) -> None:
    for launched in deployment.processes:
        process = Path("/proc") / str(launched.process.pid)
        for name in ("environ", "cmdline"):
            assert deployment.password.encode() not in (process / name).read_bytes()
    for log in deployment.broker.home.glob("*.log"):
        assert deployment.password not in log.read_text()


def test_a_changed_password_is_used_without_a_restart(deployment: Deployment) -> None:
    store = Store(deployment.address, password_file=deployment.password_file)
    fresh = secrets.token_hex(16)
    with store.transaction("change password") as connection:
        connection.execute(text(f"ALTER ROLE counterfoil PASSWORD '{fresh}'"))
    deployment.password_file.write_text(fresh)
    store.engine.dispose()
    with store.transaction("look") as connection:
        assert connection.execute(text("SELECT 1")).scalar() == 1
    assert fresh not in repr(store.engine.url) + str(store.engine.url)
    store.close()


@pytest.mark.parametrize("content", ["wrong", None])
def test_without_the_right_password_there_is_no_database(
    deployment: Deployment, tmp_path: Path, content: str | None
) -> None:
    file = tmp_path / "password"
    if content is not None:
        file.write_text(content)
    with pytest.raises(Exception, match=r"authentication failed|cannot be read") as caught:  # noqa: PT012 - one store
        store = Store(deployment.address, password_file=file)
        store.migrate()
    assert "wrong" not in str(caught.value)


@pytest.mark.parametrize(
    "address", ["postgresql+psycopg://u:hunter2@db/x", "postgresql+psycopg://u@db/x?password=hunter2"]
)
def test_an_address_with_a_password_is_refused(address: str, tmp_path: Path) -> None:
    with pytest.raises(BrokerError, match="holds a password") as caught:
        Store(Settings(home=tmp_path, database_url=address).database)
    assert "hunter2" not in str(caught.value)


def test_the_broker_is_no_superuser(deployment: Deployment) -> None:
    store = Store(deployment.address, password_file=deployment.password_file)
    with store.transaction("look") as connection:
        rights = connection.execute(
            text("SELECT rolsuper, rolcreaterole, rolcreatedb FROM pg_roles WHERE rolname = USER")
        )
        assert tuple(rights.one()) == (False, False, False)
    store.close()


def test_who_may_only_make_roles_and_databases_makes_the_brokers(tmp_path: Path) -> None:
    """As the owner of a managed PostgreSQL is no superuser."""
    (tmp_path / "password").write_text("correct horse\n")
    with postgres(guarded=True) as server:
        environment = {"PATH": os.environ["PATH"], "PGHOST": str(server.folder), "PGPORT": str(server.port)}
        ask = ["psql", "--quiet", "--tuples-only", "--no-align", f"--username={USER}", "--dbname=postgres", "--command"]
        subprocess.run([*ask, "CREATE ROLE owner LOGIN CREATEROLE CREATEDB"], check=True, env=environment)
        environment |= {"POSTGRES_USER": "owner", "BROKER_PASSWORD_FILE": str(tmp_path / "password")}
        subprocess.run([str(SCRIPT)], check=True, env=environment)
        address = f"postgresql+psycopg://counterfoil@127.0.0.1:{server.port}/counterfoil"
        with closing(Store(address, password_file=tmp_path / "password")) as store:
            store.migrate()
        assert "correct horse" not in (server.folder / "log").read_text()


def test_the_proxy_says_that_tls_stays_and_hides_what_is_for_operators(deployment: Deployment) -> None:
    answer = ask(deployment, "GET", "/healthz")
    assert (answer.status_code, answer.headers["strict-transport-security"]) == (200, "max-age=63072000")
    assert answer.headers["server"] == "nginx"
    for path in ("/metrics", "/readyz"):
        refused(ask(deployment, "GET", path), 404, "not-found")


def test_what_the_proxy_refuses_by_itself_is_a_problem_as_the_brokers_are(deployment: Deployment) -> None:
    refused(ask(deployment, "PUT", "/v1/agreements/a/uploads/b/parts/0", bytes(66 << 20)), 413, "too-large")
    refused(ask(deployment, "TRACE", "/v1/card"), 400, "bad-request")
    context = ssl.create_default_context(cafile=str(deployment.authority.file))
    both = deployment.authority.issue("127.0.0.1")
    with (
        nginx(upstream=f"127.0.0.1:{free_port()}", certificate=both) as port,
        httpx.Client(verify=context, trust_env=False) as http,
    ):
        answer = http.get(f"https://127.0.0.1:{port}/v1/card")
    assert refused(answer, 503, "broker-away")
    assert answer.headers["retry-after"] == "10"
    assert answer.headers["strict-transport-security"] == "max-age=63072000"


def test_one_id_finds_a_request_at_the_proxy_and_the_broker(deployment: Deployment) -> None:
    refused(ask(deployment, "GET", "/v1/runs/x"), 401, "unauthenticated")
    for given, kept in (("0123456789abcdef" * 2, True), ("9434765919", False)):
        context = ssl.create_default_context(cafile=str(deployment.authority.file))
        with httpx.Client(verify=context, trust_env=False) as http:
            answer = http.get(f"{deployment.broker.url}/v1/runs/x", headers={"X-Request-ID": given})
        refused(answer, 401, "unauthenticated")
        assert answer.headers.get_list("x-request-id") == [answer.json()["request_id"]]
        assert (answer.headers["x-request-id"] == given) is kept


def test_nothing_older_than_tls_1_2_and_nothing_plain_is_spoken(deployment: Deployment) -> None:
    port = int(deployment.broker.url.rsplit(":", 1)[1])
    context = ssl.create_default_context(cafile=str(deployment.authority.file))
    context.set_ciphers("DEFAULT:@SECLEVEL=0")
    with pytest.warns(DeprecationWarning, match="TLSv1"):
        context.minimum_version = ssl.TLSVersion.TLSv1
    with pytest.warns(DeprecationWarning, match="TLSv1"):
        context.maximum_version = ssl.TLSVersion.TLSv1_1
    with socket.create_connection(("127.0.0.1", port)) as plain, pytest.raises(ssl.SSLError):
        context.wrap_socket(plain, server_hostname="127.0.0.1")
    with httpx.Client(trust_env=False) as http:
        refused(http.get(f"http://127.0.0.1:{port}/healthz"), 400, "bad-request")
