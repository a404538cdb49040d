"""The broker as one ASGI application: HTTP interface and runner in one process."""

import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from importlib.metadata import version

from fastapi import Depends, FastAPI
from fastapi.concurrency import run_in_threadpool

from keys.identity import Identity
from services.broker.api.v1 import router
from services.broker.destruction.retention import Keeper
from services.broker.errors import NotReady
from services.broker.files.storage_url import open_storage
from services.broker.front import problems, readiness
from services.broker.front.auth import counted
from services.broker.front.headers import Front
from services.broker.front.limits import Limits
from services.broker.office import Office
from services.broker.runs import workflows
from services.broker.settings import Settings
from services.broker.store.database import Store
from services.broker.uploads.checkers import Checkers
from services.broker.watch import requests


def open_office(settings: Settings, identity: Identity) -> Office:
    """The broker's office on its real clock and randomness, with the tables at their newest version."""
    store = Store(settings.database, password_file=settings.database_password_file)
    store.migrate()
    return Office(
        settings=settings,
        identity=identity,
        store=store,
        storage=open_storage(settings),
        now=lambda: datetime.now(UTC),
        random=secrets.token_bytes,
    )


def create_app(office: Office, *, name: str = "broker", work: bool = True) -> FastAPI:
    """The application for one office; its worker, ``name``, lives as long as it does, and only hands runs on unless it
    is to ``work``."""
    checkers = Checkers(office)

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        office.storage.discard_parts()
        keeper = Keeper(office, take_up=checkers.take_up)
        keeper.start()
        await run_in_threadpool(workflows.start, office, name, work=work)
        yield
        await run_in_threadpool(checkers.stop)
        await run_in_threadpool(workflows.stop)
        keeper.stop()
        office.store.close()

    app = FastAPI(
        title="Counterfoil broker",
        version=version("counterfoil"),
        lifespan=lifespan,
        openapi_url=None,  # also no pages of documentation: nobody is told anything who has not signed
        redirect_slashes=False,
    )
    app.state.office = office
    app.state.limits = Limits.of(office.settings)
    app.state.checkers = checkers
    app.include_router(router)
    problems.install(app)
    requests.install(app, office.settings)
    app.add_middleware(Front, random=office.random)  # last, and so outermost: what looks on has the request's id

    @app.get("/healthz", tags=["operation"])
    def healthz() -> dict[str, str]:
        """The process answers."""
        return {"status": "ok"}

    @app.get("/readyz", tags=["operation"], dependencies=[Depends(counted)])
    def readyz() -> dict[str, str]:
        """Database, migrations, storage and this process's worker are in order."""
        if failing := readiness.failing(office):
            raise NotReady(failing)
        return {"status": "ready"}

    return app
