"""What is handed out: the wheel, and what it and the broker stand on. ``make release`` writes both into ``dist``.

The wheel has the same bytes wherever and whenever it is built from a commit: files are copied with one mode into a
fresh folder, the time is the commit's, and the tools are those of the lock. The bills of materials (CycloneDX) are made
from the locks, so they list what is installed with all hashes, and nothing that happens to lie about.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).parent.parent
ROOMS = ("keys", "encoder", "matcher", "services")
BILLS = {"holder": "requirements-holder.lock", "broker": "requirements.lock"}


def build_wheel(source: Path, out: Path, *, at: int) -> Path:
    """The wheel of the files under version control in ``source``, whose times are ``at`` (seconds since 1970)."""
    with tempfile.TemporaryDirectory() as scratch, _usual_mask():
        tree, made = Path(scratch) / "tree", Path(scratch) / "made"
        for path in _tracked(source):
            copy = tree / path
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source / path, copy)
        command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--disable-pip-version-check", "--no-deps"]
        command += ["--no-build-isolation", "--no-index", "--wheel-dir", str(made), str(tree)]
        environment = {**os.environ, "SOURCE_DATE_EPOCH": str(at), "PYTHONHASHSEED": "0"}
        subprocess.run(command, check=True, env=environment)  # noqa: S603 - our own interpreter and words
        (wheel,) = made.glob("*.whl")
        out.mkdir(parents=True, exist_ok=True)
        return Path(shutil.copyfile(wheel, out / wheel.name))


def write_bill(lock: Path, out: Path) -> None:
    """The bill of materials of a lock, checked against the schema of CycloneDX 1.6, the same at every time."""
    out.parent.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-W", "ignore", "-m", "cyclonedx_py", "requirements", str(lock)]
    command += ["--pyproject", str(ROOT / "pyproject.toml"), "--output-reproducible", "--validate"]
    command += ["--spec-version", "1.6", "--output-format", "JSON", "--output-file", str(out)]
    subprocess.run(command, check=True)  # noqa: S603 - as above


def committed_at(source: Path) -> int:
    """When the last commit was made: seconds since 1970."""
    return int(_git(source, "log", "-1", "--format=%ct"))


def _tracked(source: Path) -> list[str]:
    wanted = [*ROOMS, "pyproject.toml", "README.md"]
    return [name for name in _git(source, "ls-files", "-z", "--", *wanted).split("\0") if (source / name).is_file()]


def _git(source: Path, *words: str) -> str:
    git = shutil.which("git") or "git"
    return subprocess.run([git, *words], cwd=source, check=True, capture_output=True, text=True).stdout  # noqa: S603


@contextmanager
def _usual_mask() -> Iterator[None]:
    """Files and folders get the modes 0644 and 0755, whatever the builder's mask is: a wheel keeps modes."""
    before = os.umask(0o022)
    try:
        yield
    finally:
        os.umask(before)


if __name__ == "__main__":
    dist = ROOT / "dist"
    sys.stdout.write(f"{build_wheel(ROOT, dist, at=committed_at(ROOT))}\n")
    for whose, lock in BILLS.items():
        write_bill(ROOT / lock, dist / f"counterfoil-{whose}.cdx.json")
        sys.stdout.write(f"{dist / f'counterfoil-{whose}.cdx.json'}\n")
