"""Compare tiles of rows of one holder with rows of the other, and verify what stands out.

**Tile.** ``ROWS`` rows of A meet ``LANES`` rows of B at once: the rows of B lie side by side in one vector
register, word by word, and each word of A is broadcast against them. The vectors are LLVM's own, of fixed
width, so a machine with AVX-512 VPOPCNTDQ uses it in full and any other gets correct code for what it has.

**Sketch.** A tile compares sketches: an encoding's words folded by XOR to fewer words. Folding can only bring
two encodings nearer, so a pair whose sketches are too far apart is too far apart, and most tiles end there.
What passes is verified on the whole encodings. A sketch as long as the encoding is the encoding.

**Prefix parity.** A sketch holds x1, x1^x2, x1^x2^x3, ... instead of x1, x2, x3, ... Of the differences of two
such rows, s1, s2, ..., the distance is the number of changes along the sequence 0, s1, s2, ..., sk in each
bit: twice its falls (1 to 0) plus sk. Two words hold at most one fall, so one bit count serves two words.
"""

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

_WIDE = "+avx512f" in cpu_target.target_context.codegen().magic_tuple()[2].split(",")
LANES = 8 if _WIDE else 4
ROWS = 8 if _WIDE else 2  # so many that the sums stay in registers
TILE = LANES * ROWS

_I64 = ir.IntType(64)
_LANES = ir.VectorType(_I64, LANES)
_ZEROS = ir.Constant(_LANES, [0] * LANES)


def _number(value: int) -> Any:
    return ir.Constant(_I64, value)


class _Tile:
    """Write the code of one tile, block by block."""

    def __init__(self, builder: Any, arguments: Any) -> None:
        self.builder = builder
        self.a, self.a_slack, self.b, self.b_slack, self.words = arguments
        kind = ir.FunctionType(_LANES, [_LANES])
        self.counter = cgutils.get_or_insert_function(  # type: ignore[no-untyped-call]
            builder.module, kind, f"llvm.ctpop.v{LANES}i64"
        )

    def count(self, vector: Any) -> Any:
        return self.builder.call(self.counter, [vector])

    def _load(self, base: Any, offset: Any, kind: Any) -> Any:
        at = self.builder.add(base, self.builder.shl(offset, _number(3)))
        return self.builder.load(self.builder.inttoptr(at, ir.PointerType(kind)), align=8)

    def lanes(self, base: Any, word: Any) -> Any:
        """Load one word of LANES rows."""
        return self._load(base, self.builder.mul(word, _number(LANES)), _LANES)

    def spread(self, base: Any, word: Any, row: int) -> Any:
        """Load one word of one row into every lane."""
        offset = self.builder.add(self.builder.mul(word, _number(ROWS)), _number(row))
        nothing = ir.Constant(_LANES, ir.Undefined)
        order = ir.Constant(ir.VectorType(ir.IntType(32), LANES), [0] * LANES)
        first = self.builder.insert_element(nothing, self._load(base, offset, _I64), ir.Constant(ir.IntType(32), 0))
        return self.builder.shuffle_vector(first, nothing, order)

    def differ(self, word: Any) -> list[Any]:
        """Take the XOR of one word of B with that of each row of A."""
        column = self.lanes(self.b, word)
        return [self.builder.xor(column, self.spread(self.a, word, row)) for row in range(ROWS)]

    def fall(self, state: Any, middle: Any, last: Any) -> Any:
        """Mark the bits that fall along ``state``, ``middle``, ``last``: where middle, not last; elsewhere, state."""
        build = self.builder
        if _WIDE:  # LLVM makes two instructions of what this machine can do in one
            kind = ir.FunctionType(_LANES, [_LANES, _LANES, _LANES, ir.IntType(32)])
            name = "llvm.x86.avx512.pternlog.q.512"
            function = cgutils.get_or_insert_function(build.module, kind, name)  # type: ignore[no-untyped-call]
            return build.call(function, [middle, last, state, ir.Constant(ir.IntType(32), 0x3A)])
        return build.or_(build.and_(middle, build.not_(last)), build.and_(build.not_(middle), state))

    def choose(self, columns: list[tuple[Any, list[Any]]]) -> list[Any]:
        """Take one vector per row from whichever block came before."""
        chosen = [self.builder.phi(_LANES) for _ in range(ROWS)]
        for block, vectors in columns:
            for phi, vector in zip(chosen, vectors, strict=True):
                phi.add_incoming(vector, block)
        return chosen

    def margins(self) -> list[Any]:
        """Take, for each row, the distances of the sketches of its LANES pairs, plus twice the sum of both slacks."""
        build = self.builder
        zeros = [_ZEROS] * ROWS
        slack = self.lanes(self.b_slack, _number(0))
        start = [build.add(slack, self.spread(self.a_slack, _number(0), row)) for row in range(ROWS)]
        entry, odd = build.block, build.append_basic_block("odd")
        loop, done = build.append_basic_block("loop"), build.append_basic_block("done")
        is_odd = build.icmp_unsigned("==", build.and_(self.words, _number(1)), _number(1))
        build.cbranch(is_odd, odd, loop)

        build.position_at_end(odd)
        head = self.differ(_number(0))
        build.cbranch(build.icmp_unsigned("==", self.words, _number(1)), done, loop)

        build.position_at_end(loop)
        word = build.phi(_I64)
        states, falls = self.choose([(entry, zeros), (odd, head)]), self.choose([(entry, start), (odd, start)])
        middle, last = self.differ(word), self.differ(build.add(word, _number(1)))
        more = []
        for state, mid, end, fall in zip(states, middle, last, falls, strict=True):
            more.append(build.add(fall, self.count(self.fall(state, mid, end))))
        following = build.add(word, _number(2))
        for value, block in ((_number(0), entry), (_number(1), odd), (following, loop)):
            word.add_incoming(value, block)
        for row in range(ROWS):
            states[row].add_incoming(last[row], loop)
            falls[row].add_incoming(more[row], loop)
        build.cbranch(build.icmp_signed("<", following, self.words), loop, done)

        build.position_at_end(done)
        states, falls = self.choose([(odd, head), (loop, last)]), self.choose([(odd, start), (loop, more)])
        return [build.add(build.add(fall, fall), self.count(state)) for state, fall in zip(states, falls, strict=True)]

    def negative(self, vector: Any) -> Any:
        signs = self.builder.icmp_signed("<", vector, _ZEROS)
        return self.builder.zext(self.builder.bitcast(signs, ir.IntType(LANES)), _I64)

    def near(self) -> Any:
        """Mark the pairs whose margin is negative."""
        build, margins = self.builder, self.margins()
        quiet = build.icmp_unsigned("==", self.negative(reduce(build.or_, margins)), _number(0))
        before, busy, end = build.block, build.append_basic_block("busy"), build.append_basic_block("end")
        build.cbranch(quiet, end, busy)
        build.position_at_end(busy)
        marks = [build.shl(self.negative(margin), _number(row * LANES)) for row, margin in enumerate(margins)]
        marked = reduce(build.or_, marks)
        build.branch(end)
        build.position_at_end(end)
        mask = build.phi(_I64)
        mask.add_incoming(_number(0), before)
        mask.add_incoming(marked, busy)
        return mask


@intrinsic
def _tile(_context: Any, _a: Any, _a_slack: Any, _b: Any, _b_slack: Any, _words: Any) -> Any:
    """Say which pairs of a tile have sketches near enough: bit ``row * LANES + lane`` of the result.

    Takes the addresses of A's words ``(words, ROWS)``, A's slack ``(ROWS,)``, B's words ``(words, LANES)`` and
    B's slack ``(LANES,)``, all of 64 bits, and the number of words.
    """
    signature = types.uint64(types.uintp, types.uintp, types.uintp, types.uintp, types.intp)
    return signature, lambda _context, builder, _signature, arguments: _Tile(builder, arguments).near()


@intrinsic
def _count_bits(_context: Any, _word: Any) -> Any:
    """Count the set bits of a 64-bit word."""

    def generate(_context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        return builder.ctpop(arguments[0])

    return types.int64(types.uint64), generate


@intrinsic
def _lowest_bit(_context: Any, _word: Any) -> Any:
    """Find the place of the lowest set bit of a 64-bit word that is not 0."""

    def generate(_context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        return builder.cttz(arguments[0], ir.Constant(ir.IntType(1), 1))

    return types.int64(types.uint64), generate


@compiled
def sketch(bits: NDArray[np.uint64], words: int, width: int, out: NDArray[np.uint64]) -> None:
    """Fold the rows of ``bits`` to ``words`` prefix parities, laid out ``(tile, word, width)`` in ``out``."""
    rows, whole = bits.shape
    out[:] = np.uint64(0)
    for row in range(rows):
        tile, place = row // width, row % width
        for word in range(whole):
            out[tile, word % words, place] ^= bits[row, word]
        for word in range(1, words):
            out[tile, word, place] ^= out[tile, word - 1, place]


@compiled
def distance(a: NDArray[np.uint64], b: NDArray[np.uint64]) -> int:
    """Count the bits in which two encodings (uint64 ``(words,)``) differ."""
    total = 0
    for word in range(len(a)):
        total += _count_bits(a[word] ^ b[word])  # type: ignore[call-arg]
    return total


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
            mask: np.uint64 = _tile(  # type: ignore[call-arg]
                a_at, a_slack_at, b_address + column * words * LANES * 8, b_slack_address + column * LANES * 8, words
            )
            while mask != np.uint64(0):
                place = _lowest_bit(mask)
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


@compiled
def score(
    a_bits: NDArray[np.uint64],
    b_bits: NDArray[np.uint64],
    a_weight: NDArray[np.int64],
    b_weight: NDArray[np.int64],
    left: NDArray[np.int64],
    right: NDArray[np.int64],
    where: NDArray[np.int64],
    out: NDArray[np.float32],
) -> None:
    """Write the similarity of pair ``(left[n], right[n])`` to ``out[n]`` for every n in ``where``."""
    for n in where:
        i, j = left[n], right[n]
        together = a_weight[i] + b_weight[j]
        apart = distance(a_bits[i], b_bits[j])
        out[n] = (together - apart) / together if together > 0 else 0.0
