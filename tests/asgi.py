"""A broker without a server or a network: requests go straight into the application."""

from __future__ import annotations

import asyncio

import httpx
from fastapi import FastAPI

from services.broker.app import create_app
from services.broker.office import Office


def answers_of(office: Office, *requests: httpx.Request) -> list[httpx.Response]:
    """What one broker in this office answers, one after the other; nobody is at work in it."""
    return answers_by(create_app(office), *requests)


def answers_by(app: FastAPI, *requests: httpx.Request) -> list[httpx.Response]:
    """As ``answers_of``, by an application that is there already."""

    async def answered() -> list[httpx.Response]:
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport) as http:
            return [await http.send(request) for request in requests]

    return asyncio.run(answered())
