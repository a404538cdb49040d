"""Make the holder's tool one file: ``python deploy/pyz/build.py --platform windows --python 3.13``.

Only what a holder runs is in it: keys, encoder, and what requirements-holder.lock names, every wheel compared with the
hashes there. For Windows it is built on Linux, from wheels; nothing of them is executed here.
"""

from __future__ import annotations

import argparse
import sys
import tomllib
from collections.abc import Sequence
from pathlib import Path

# As a file, this module has its own folder on the path, and with PYTHONSAFEPATH not even that.
sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from deploy.pyz.bundle import Bundle, Made, read_interpreter
from deploy.pyz.contents import add, compiled, own_files, require_libraries
from deploy.pyz.errors import BuildRefused
from deploy.pyz.lock import Pin, read_lock
from deploy.pyz.target import Platform, Target
from deploy.pyz.wheels import Files, download, files_installed, files_of_wheel, find_wheel
from keys.errors import CounterfoilError

ROOT = Path(__file__).resolve().parents[2]


def build(
    target: Target,
    out: Path,
    *,
    lock: Path = ROOT / "requirements-holder.lock",
    wheels: Path | None = None,
    offline: bool = False,
    interpreter: Path | None = None,
    interpreter_sha256: str = "",
) -> list[Made]:
    """Write the single file for the target into ``out``; for Windows also the ZIP file with a launcher.

    ``wheels``: a folder where the wheels lie or are downloaded to (not if ``offline``); None takes what is installed
    beside this interpreter. Byte code is put in if this interpreter is the target's. Raises ``BuildRefused``.
    """
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    python = read_interpreter(interpreter, sha256=interpreter_sha256, target=target) if interpreter else {}
    pins = read_lock(lock, target)
    files = own_files(ROOT, project["version"])
    left_out: set[str] = set()
    for name, found in gather(pins, target, wheels, offline=offline):
        left_out |= add(files, name, found)
    require_libraries(files, left_out)
    if target.python == sys.version_info[:2]:
        files |= compiled(files)
    bundle = Bundle(project["version"], target, {pin.name: pin.version for pin in pins}, files)
    made = [bundle.write_file(out)]
    if target.platform is Platform.WINDOWS:
        made.append(bundle.write_folder(out, python))
    return made


def gather(pins: Sequence[Pin], target: Target, wheels: Path | None, *, offline: bool) -> list[tuple[str, Files]]:
    """The files of every pin. Wheels that are missing are downloaded, unless ``offline``."""
    if wheels is None:
        return [(pin.name, files_installed(pin, target)) for pin in pins]
    missing = [pin for pin in pins if find_wheel(pin, target, wheels) is None]
    if missing and not offline:
        download(missing, target, wheels)
    found = []
    for pin in pins:
        wheel = find_wheel(pin, target, wheels)
        if wheel is None:
            raise BuildRefused(
                f"There is no wheel of {pin.name} {pin.version} for {target.name}.",
                where=str(wheels),
                remedy="Build where PyPI can be reached, without --offline.",
            )
        found.append((pin.name, files_of_wheel(wheel)))
    return found


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit code 0, or 1 with what happened and what to do."""
    asked = _parser().parse_args(arguments)
    try:
        major, _, minor = asked.python.partition(".")
        made = build(
            Target(Platform(asked.platform), (int(major), int(minor))),
            asked.out,
            lock=asked.lock,
            wheels=None if asked.installed else asked.wheels,
            offline=asked.offline,
            interpreter=asked.interpreter,
            interpreter_sha256=asked.interpreter_sha256,
        )
    except CounterfoilError as error:
        sys.stderr.write(f"Error: {error}\n")
        return 1
    for one in made:
        sys.stdout.write(f"{one.path}\n  {one.size:,} bytes; {one.files:,} files, {one.unpacked:,} bytes unpacked\n")
        sys.stdout.write(f"  SHA-256 {one.sha256}\n")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description="Make the holder's tool one file.")
    parser.add_argument("--platform", choices=[str(one) for one in Platform], required=True)
    parser.add_argument("--python", default="{}.{}".format(*sys.version_info[:2]), help="version it is to run on")
    parser.add_argument("--out", type=Path, default=Path("dist"), help="folder for what is made")
    parser.add_argument("--wheels", type=Path, default=Path("build/wheels"), help="folder to keep wheels in")
    parser.add_argument("--offline", action="store_true", help="take wheels from that folder only")
    parser.add_argument("--installed", action="store_true", help="take what is installed here instead (Linux)")
    parser.add_argument("--lock", type=Path, default=ROOT / "requirements-holder.lock")
    parser.add_argument("--interpreter", type=Path, help="python-VERSION-embed-amd64.zip of python.org, to be put in")
    parser.add_argument("--interpreter-sha256", default="", help="its SHA-256, as python.org gives it")
    return parser


if __name__ == "__main__":
    sys.exit(main())
