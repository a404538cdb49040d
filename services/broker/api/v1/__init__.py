"""Version 1: agreements, contributions, uploads, runs, decisions on them, the audit log."""

from fastapi import APIRouter

from services.broker.api.v1 import agreements, contributions, decisions, log, runs, uploads

router = APIRouter(prefix="/v1")
for module in (agreements, contributions, uploads, runs, decisions, log):
    router.include_router(module.router)
