"""Version 1: agreements, contributions, uploads, runs."""

from fastapi import APIRouter

from services.broker.api.v1 import agreements, contributions, runs, uploads

router = APIRouter(prefix="/v1")
for module in (agreements, contributions, uploads, runs):
    router.include_router(module.router)
