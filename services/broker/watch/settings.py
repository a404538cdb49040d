"""The settings of what an operator sees; they are part of the broker's settings."""

from pathlib import Path
from typing import Literal

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class WatchSettings(BaseSettings):
    """What is logged and how, and where metrics are served."""

    model_config = SettingsConfigDict(use_attribute_docstrings=True)

    log_level: Literal["debug", "info", "warning", "error"] = "info"
    """The least serious lines that are written. With ``debug`` come those of the libraries, as places in code."""
    log_format: Literal["auto", "json", "text"] = "auto"
    """One JSON object a line, or lines for people; ``auto`` is for people where stderr is a terminal."""
    log_addresses: bool = False
    """Whether a line on a request has the address that it came from: a proxy's, unless it is one of
    ``trusted_proxies``."""
    metrics_port: int | None = Field(default=None, ge=1, le=65535)
    """Port of the page of metrics, which is not the port of the interface; without it there is no such page."""
    metrics_host: str = "127.0.0.1"
    """Address that the port of the metrics is bound to; any but this machine needs a ``metrics_token_file``."""
    metrics_token_file: Path | None = None
    """File with the bearer token, of at least 32 characters, that a reader of the metrics must show."""
    traces_url: str | None = None
    """Address that an OpenTelemetry collector takes spans of requests at (OTLP over HTTP, mostly `.../v1/traces`)."""
    traces_token_file: Path | None = None
    """File with the bearer token that is shown to that collector."""
