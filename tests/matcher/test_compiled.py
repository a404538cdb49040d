"""The compiled part on other processors, its code for ARM, and the place where code is kept."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from llvmlite import binding, ir

import matcher
from benchmarks.processors import X86, features, processors
from matcher._kernel_scan import Shape, Tile, shape_for

HOME = Path(matcher.__file__).parent.parent
PROCESSORS = processors()
WARM = """
import json
from matcher import kernel
print(json.dumps([kernel.warm(), kernel.warm(), kernel.code_folder()]))
"""


def run(folder: Path, *command: str, **environment: str) -> str:
    """Run Python with the packages in ``folder`` and a clean environment."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("NUMBA", "PYTHON", "XDG"))}
    done = subprocess.run(
        [sys.executable, "-W", "error", *command],
        cwd=folder,
        env={**clean, "PYTHONPATH": str(folder), "PYTHONDONTWRITEBYTECODE": "1", **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout.strip()


@pytest.fixture
def packages(tmp_path: Path) -> Path:
    """A copy of the packages, so that no code compiled before is used."""
    for name in ("keys", "matcher"):
        shutil.copytree(HOME / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path


@pytest.mark.parametrize("processor", PROCESSORS)
def test_other_processors_find_the_same_pairs(processor: str, tmp_path: Path) -> None:
    told = {"NUMBA_CPU_NAME": processor, "NUMBA_CPU_FEATURES": PROCESSORS[processor], "NUMBA_CACHE_DIR": str(tmp_path)}
    alone = ("--noconftest", "--hypothesis-profile=ci")  # what the broker's tests share takes as long as the kernel's
    kernels = ("-m", "pytest", "-q", "-p", "no:cacheprovider", *alone, "tests/matcher/test_kernel.py")
    assert " passed" in run(HOME, *kernels, **told)
    shape = "from matcher._kernel_scan import SHAPE; print(SHAPE)"
    assert run(HOME, "-c", shape, **told) == str(shape_for(PROCESSORS[processor]))


def test_every_kind_of_processor_has_its_own_tile() -> None:
    shapes = [shape_for(features(name)) for name in X86]
    assert [shape.lanes for shape in shapes] == [2, 2, 4, 8]
    assert [shape.counts_words for shape in shapes] == [False] * 4
    newest = shape_for(features("skylake-avx512") + ",+avx512vpopcntdq")
    assert newest == Shape(8, 8, counts_words=True, sums_bytes=True, three_way=True)
    assert shape_for("") == shape_for("+neon,+fp-armv8") == Shape(4, 2)
    assert all(shape.pairs <= 64 for shape in (*shapes, newest))


def test_on_arm_the_tile_counts_bits_with_the_instruction_for_it() -> None:
    """Code is made for another processor here, and read, not run."""
    code = assembly("aarch64-unknown-linux-gnu", shape_for("+neon"))
    counted = [line for line in code.splitlines() if line.split()[:1] == ["cnt"]]
    assert len(counted) >= 2 * shape_for("+neon").rows
    assert all(".16b" in line for line in counted)
    spilled = [line for line in code.splitlines() if line.split()[:1] in (["str"], ["stp"]) and "q" in line.split()[1]]
    assert spilled == []  # all sums stay in registers


def assembly(triple: str, shape: Shape) -> str:
    """The code of one tile for a processor that need not be this one."""
    binding.initialize_all_targets()
    binding.initialize_all_asmprinters()
    module, word = ir.Module(), ir.IntType(64)
    module.triple = triple
    function = ir.Function(module, ir.FunctionType(word, [word] * 5), "tile")
    builder = ir.IRBuilder(function.append_basic_block())
    builder.ret(Tile(builder, function.args, shape).near())
    machine = binding.Target.from_triple(triple).create_target_machine(opt=3)
    parsed = binding.parse_assembly(str(module))
    passes = binding.create_pass_builder(machine, binding.create_pipeline_tuning_options(speed_level=3))
    passes.getModulePassManager().run(parsed, passes)
    return str(machine.emit_assembly(parsed))


def test_compiled_code_is_kept_where_it_is_told(packages: Path) -> None:
    told = str(packages / "code")
    compiled, again, folder = json.loads(run(packages, "-c", WARM, NUMBA_CACHE_DIR=told))
    assert (compiled, again) == (4, 0)
    assert folder.startswith(told)
    assert list(Path(folder).glob("_kernel_scan.scan-*.nbi"))
    assert not (packages / "matcher" / "__pycache__").exists()
    assert json.loads(run(packages, "-c", WARM, NUMBA_CACHE_DIR=told)) == [0, 0, folder]


def test_without_any_writable_place_every_process_compiles_for_itself(packages: Path) -> None:
    (packages / "matcher" / "__pycache__").write_text("a file where a folder would be")
    nowhere = str(packages / "matcher" / "py.typed" / "no-folder")
    for _ in range(2):
        found = run(packages, "-c", WARM, HOME=nowhere, XDG_CACHE_HOME=nowhere, NUMBA_CACHE_DIR=nowhere)
        assert json.loads(found) == [4, 0, None]
    assert not list(packages.rglob("*.nbi"))
