"""Compare rows of one holder with rows of the other, tile by tile, and verify what stands out.

**Sketch.** A tile compares sketches: an encoding's words folded by XOR to fewer words. Folding can only bring
two encodings nearer, so a pair whose sketches are too far apart is too far apart, and most tiles end there.
What passes is verified on the whole encodings. A sketch as long as the encoding is the encoding.

**Tile.** ``rows`` rows of A meet ``lanes`` rows of B at once: the rows of B lie side by side in one vector
register, word by word, and each word of A is broadcast against them. The vectors are LLVM's own, of fixed
width, so every machine gets correct code for what it has; the shape is such that the sums stay in registers.

**Prefix parity.** A sketch holds x1, x1^x2, x1^x2^x3, ... instead of x1, x2, x3, ... Of the differences of two
such rows, s1, s2, ..., the distance is the number of changes along the sequence 0, s1, s2, ..., sk in each
bit: twice its falls (1 to 0) plus sk. Two words hold at most one fall, so one bit count serves two words.

**Counts.** With AVX-512 VPOPCNTDQ the bits of whole words are counted. Other machines count bytes (NEON has an
instruction for it, x86 looks nibbles up), so there the eight bytes of a word are added up once, at the end.

Machine code is kept until the file that it was compiled from changes, so the tile stands in the file of ``scan``.
"""

from dataclasses import dataclass
from functools import reduce
from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.core.registry import cpu_target
from numba.extending import intrinsic
from numpy.typing import NDArray

from matcher._kernel_jit import compiled
from matcher._kernel_rows import distance

_I64 = ir.IntType(64)
_I32 = ir.IntType(32)
_FALLS_AT_ONCE = 31  # that many eights fit a byte
_SUM_OF_BYTES = {2: "sse2.psad.bw", 4: "avx2.psad.bw", 8: "avx512.psad.bw.512"}


def _number(value: int) -> Any:
    return ir.Constant(_I64, value)


@dataclass(frozen=True)
class Shape:
    """How many rows of A meet how many of B, and what the processor has.

    ``counts_words``: it counts the bits of whole words, not of bytes, in one instruction. LLVM has to be told
    of two more by name: ``sums_bytes`` is the sum of the eight bytes of a word (x86), ``three_way`` is three-way
    logic (AVX-512). Each of the three is a matter of speed alone; ``sums_bytes`` is not used where words are counted.
    """

    rows: int
    lanes: int
    counts_words: bool = False
    sums_bytes: bool = False
    three_way: bool = False

    @property
    def pairs(self) -> int:
        """How many pairs a tile has: at most 64, one for each bit of the answer."""
        return self.rows * self.lanes


def shape_for(features: str) -> Shape:
    """Choose by the processor's features, written as LLVM does: ``+avx2,-avx512f,...``."""
    has = set(features.split(","))
    if {"+avx512f", "+avx512bw"} <= has:
        return Shape(8, 8, counts_words="+avx512vpopcntdq" in has, sums_bytes=True, three_way=True)
    if "+avx2" in has:
        return Shape(2, 4, sums_bytes=True)
    return Shape(4, 2, sums_bytes="+sse2" in has)


SHAPE = shape_for(cpu_target.target_context.codegen().magic_tuple()[2])
ROWS, LANES, TILE = SHAPE.rows, SHAPE.lanes, SHAPE.pairs


def arrive(phis: list[Any], block: Any, values: list[Any]) -> None:
    """Let each phi take its value when control comes from ``block``."""
    for phi, value in zip(phis, values, strict=True):
        phi.add_incoming(value, block)


class Tile:
    """Write the code of one tile, block by block."""

    def __init__(self, builder: Any, arguments: Any, shape: Shape) -> None:
        self.builder = builder
        self.shape = shape
        self.a, self.a_slack, self.b, self.b_slack, self.words = arguments
        self.vector = ir.VectorType(_I64, shape.lanes)
        unit = 64 if shape.counts_words else 8
        self.counts = ir.VectorType(ir.IntType(unit), 64 // unit * shape.lanes)

    def every(self, value: int) -> Any:
        return ir.Constant(self.vector, [value] * self.shape.lanes)

    def call(self, name: str, returns: Any, *arguments: Any) -> Any:
        kind = ir.FunctionType(returns, [one.type for one in arguments])
        function = cgutils.get_or_insert_function(self.builder.module, kind, name)  # type: ignore[no-untyped-call]
        return self.builder.call(function, arguments)

    def _load(self, base: Any, offset: Any, kind: Any) -> Any:
        at = self.builder.add(base, self.builder.shl(offset, _number(3)))
        return self.builder.load(self.builder.inttoptr(at, ir.PointerType(kind)), align=8)

    def lanes(self, base: Any, word: Any) -> Any:
        """Load one word of every row of B."""
        return self._load(base, self.builder.mul(word, _number(self.shape.lanes)), self.vector)

    def spread(self, base: Any, word: Any, row: int) -> Any:
        """Load one word of one row of A into every lane."""
        offset = self.builder.add(self.builder.mul(word, _number(self.shape.rows)), _number(row))
        nothing = ir.Constant(self.vector, ir.Undefined)
        order = ir.Constant(ir.VectorType(_I32, self.shape.lanes), [0] * self.shape.lanes)
        first = self.builder.insert_element(nothing, self._load(base, offset, _I64), ir.Constant(_I32, 0))
        return self.builder.shuffle_vector(first, nothing, order)

    def differ(self, word: Any) -> list[Any]:
        """Take the XOR of one word of B with that of each row of A."""
        column = self.lanes(self.b, word)
        return [self.builder.xor(column, self.spread(self.a, word, row)) for row in range(self.shape.rows)]

    def fall(self, state: Any, middle: Any, last: Any) -> Any:
        """Mark the bits that fall along ``state``, ``middle``, ``last``: where middle, not last; elsewhere, state."""
        build = self.builder
        if self.shape.three_way:
            name = "llvm.x86.avx512.pternlog.q.512"
            return self.call(name, self.vector, middle, last, state, ir.Constant(_I32, 0x3A))
        return build.or_(build.and_(middle, build.not_(last)), build.and_(build.not_(middle), state))

    def count(self, vector: Any) -> Any:
        """Count the set bits of each word or byte."""
        kind = self.counts
        return self.call(f"llvm.ctpop.v{kind.count}i{kind.element.width}", kind, self.builder.bitcast(vector, kind))

    def total(self, counts: Any) -> Any:
        """Add up the eight bytes of each word."""
        build = self.builder
        if self.shape.counts_words:
            return counts
        if self.shape.sums_bytes:
            zeros = ir.Constant(self.counts, [0] * self.counts.count)
            return self.call(f"llvm.x86.{_SUM_OF_BYTES[self.shape.lanes]}", self.vector, counts, zeros)
        sums = build.bitcast(counts, self.vector)
        for bits, kept in ((8, 0x00FF00FF00FF00FF), (16, 0x0000FFFF0000FFFF), (32, 0x00000000FFFFFFFF)):
            halves = sums, build.lshr(sums, self.every(bits))
            sums = build.add(*(build.and_(half, self.every(kept)) for half in halves))
        return sums

    def choose(self, kind: Any, *columns: tuple[Any, list[Any]]) -> list[Any]:
        """Take one vector per row from whichever block came before."""
        chosen = [self.builder.phi(kind) for _ in range(self.shape.rows)]
        for block, vectors in columns:
            arrive(chosen, block, vectors)
        return chosen

    def margins(self) -> list[Any]:
        """Take, for each row, the distances of the sketches of its pairs, plus twice the sum of both slacks."""
        build, rows, whole = self.builder, range(self.shape.rows), self.shape.counts_words
        zeros = [self.every(0) for _ in rows]
        none = [ir.Constant(self.counts, [0] * self.counts.count) for _ in rows]
        slack = self.lanes(self.b_slack, _number(0))
        start = [build.add(slack, self.spread(self.a_slack, _number(0), row)) for row in rows]
        entry = build.block
        odd, some, loop, few, done = (build.append_basic_block(name) for name in ("odd", "some", "loop", "few", "done"))
        build.cbranch(build.trunc(self.words, ir.IntType(1)), odd, some)

        build.position_at_end(odd)
        head = self.differ(_number(0))
        build.cbranch(build.icmp_unsigned("==", self.words, _number(1)), done, some)

        build.position_at_end(some)  # so many words that no byte overflows
        first = build.phi(_I64)
        before = self.choose(self.vector, (entry, zeros), (odd, head))
        sums = self.choose(self.vector, (entry, start), (odd, start))
        full = build.add(first, _number(2 * _FALLS_AT_ONCE))
        stop = self.words if whole else build.select(build.icmp_signed("<", full, self.words), full, self.words)
        build.branch(loop)

        build.position_at_end(loop)
        word = build.phi(_I64)
        states = self.choose(self.vector, (some, before))
        counts = self.choose(self.counts, (some, sums if whole else none))
        middle, last = self.differ(word), self.differ(build.add(word, _number(1)))
        more = [
            build.add(count, self.count(self.fall(*changes)))
            for count, *changes in zip(counts, states, middle, last, strict=True)
        ]
        following = build.add(word, _number(2))
        arrive([word, *states, *counts], loop, [following, *last, *more])
        arrive([word], some, [first])
        build.cbranch(build.icmp_signed("<", following, stop), loop, few)

        build.position_at_end(few)
        arrive([first], entry, [_number(0)])
        arrive([first], odd, [_number(1)])
        falls = more
        if whole:
            build.branch(done)
        else:
            falls = [build.add(total, self.total(count)) for total, count in zip(sums, more, strict=True)]
            arrive([first, *before, *sums], few, [following, *last, *falls])
            build.cbranch(build.icmp_signed("<", following, self.words), some, done)

        build.position_at_end(done)
        states = self.choose(self.vector, (odd, head), (few, last))
        falls = self.choose(self.vector, (odd, start), (few, falls))
        return [
            build.add(build.add(fall, fall), self.total(self.count(state)))
            for state, fall in zip(states, falls, strict=True)
        ]

    def negative(self, vector: Any) -> Any:
        """Mark the lanes below 0."""
        signs = self.builder.icmp_signed("<", vector, self.every(0))
        return self.builder.zext(self.builder.bitcast(signs, ir.IntType(self.shape.lanes)), _I64)

    def near(self) -> Any:
        """Mark the pairs whose margin is negative."""
        build, margins = self.builder, self.margins()
        quiet = build.icmp_unsigned("==", self.negative(reduce(build.or_, margins)), _number(0))
        before, busy, end = build.block, build.append_basic_block("busy"), build.append_basic_block("end")
        build.cbranch(quiet, end, busy)
        build.position_at_end(busy)
        lanes = self.shape.lanes
        marks = [build.shl(self.negative(margin), _number(row * lanes)) for row, margin in enumerate(margins)]
        marked = reduce(build.or_, marks)
        build.branch(end)
        build.position_at_end(end)
        mask = build.phi(_I64)
        mask.add_incoming(_number(0), before)
        mask.add_incoming(marked, busy)
        return mask


def compare_tile(shape: Shape) -> Any:
    """Make the function, for compiled code, that says which pairs of a tile have sketches near enough.

    It takes the addresses of A's words ``(words, rows)``, A's slack ``(rows,)``, B's words ``(words, lanes)`` and
    B's slack ``(lanes,)``, all of 64 bits, and the number of words. Bit ``row * lanes + lane`` of the result is a pair.
    """

    @intrinsic
    def tile(_context: Any, _a: Any, _a_slack: Any, _b: Any, _b_slack: Any, _words: Any) -> Any:
        signature = types.uint64(types.uintp, types.uintp, types.uintp, types.uintp, types.intp)
        return signature, lambda _context, builder, _signature, arguments: Tile(builder, arguments, shape).near()

    return tile


_tile = compare_tile(SHAPE)


@intrinsic
def _lowest_bit(_context: Any, _word: Any) -> Any:
    """Find the place of the lowest set bit of a 64-bit word that is not 0."""

    def generate(_context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        return builder.cttz(arguments[0], ir.Constant(ir.IntType(1), 1))

    return types.int64(types.uint64), generate


@compiled
def scan(
    a_sketch: NDArray[np.uint64],
    a_slack: NDArray[np.int64],
    a_bits: NDArray[np.uint64],
    a_weight: NDArray[np.int64],
    b_sketch: NDArray[np.uint64],
    b_slack: NDArray[np.int64],
    b_bits: NDArray[np.uint64],
    b_weight: NDArray[np.int64],
    limit: NDArray[np.int64],
    start: int,
    left: NDArray[np.int32],
    right: NDArray[np.int32],
    similarity: NDArray[np.float32],
) -> tuple[int, int, int]:
    """Compare all rows of A with all rows of B from tile ``start`` on, until done or the buffers are full.

    Sketches are uint64 ``(tiles, words, ROWS or LANES)``. Slack is int64 ``(tiles * ROWS or LANES,)``, halved and
    negative: a pair is verified when the distance of its sketches plus twice its slacks is below 0, so a row
    that is absent, or padding, has a large one. Bits, weights and ``limit`` are as in ``measures``. The buffers
    have equal length, at least TILE.

    Returns how many pairs were written, the tile to resume at (the number of tiles when done) and how many
    pairs were verified.
    """
    words = a_sketch.shape[1]
    columns = b_sketch.shape[0]
    tiles = a_sketch.shape[0] * columns
    room = len(left) - TILE
    a_address, b_address = a_sketch.ctypes.data, b_sketch.ctypes.data
    a_slack_address, b_slack_address = a_slack.ctypes.data, b_slack.ctypes.data
    found = 0
    verified = 0
    group, column = start // columns, start % columns
    while group < a_sketch.shape[0]:
        a_at = a_address + group * words * ROWS * 8
        a_slack_at = a_slack_address + group * ROWS * 8
        while column < columns:
            if found > room:
                return found, group * columns + column, verified
            mask: np.uint64 = _tile(
                a_at, a_slack_at, b_address + column * words * LANES * 8, b_slack_address + column * LANES * 8, words
            )
            while mask != np.uint64(0):
                place: int = _lowest_bit(mask)  # type: ignore[call-arg]
                mask &= mask - np.uint64(1)
                i = group * ROWS + place // LANES
                j = column * LANES + place % LANES
                verified += 1
                apart = distance(a_bits[i], b_bits[j])
                together = a_weight[i] + b_weight[j]
                if apart <= limit[together]:
                    left[found] = i
                    right[found] = j
                    similarity[found] = (together - apart) / together
                    found += 1
            column += 1
        column = 0
        group += 1
    return found, tiles, verified
