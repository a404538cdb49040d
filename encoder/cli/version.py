"""Which version of a distribution is installed."""

from importlib import metadata


def version_of(distribution: str) -> str:
    """``unknown`` where the package runs without having been installed."""
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return "unknown"
