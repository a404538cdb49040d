"""Version 1: agreements, contributions, uploads, runs, their control rows, decisions on them, the audit log."""

from fastapi import APIRouter

from services.broker.api.v1 import agreements, contributions, controls, decisions, log, runs, uploads

router = APIRouter(prefix="/v1", generate_unique_id_function=lambda route: route.name)
for module in (agreements, contributions, uploads, runs, controls, decisions, log):
    router.include_router(module.router)
