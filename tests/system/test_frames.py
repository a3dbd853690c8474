"""Stacks of the programs in the kernel: what functions that call each other have together is bounded (kernel/bpf/verifier.c,
check_max_stack_depth: 512 bytes, each frame rounded up to 32; 8 frames). Kernels that give each program a stack of its own do not look."""
import collections
import os
import pathlib
import struct

import pytest

OBJECT = pathlib.Path(os.environ["RECORDER_BIN"]).parent / "bpf" / "recorder.linked.bpf.o"
FUNCTION, SECTION = 2, 3  # types of symbols
STACK = 10  # the register that points to the frame
LOAD, STORES, MOVE, ADD, CALL, WIDE = 1, (2, 3), 0xbf, 0x07, 0x85, 0x18


class Elf:
    """Symbols, and relocations by (section, offset), of a little-endian object of 64 bits."""

    def __init__(self, data):
        self.data = data
        start, = struct.unpack_from("<Q", data, 40)
        size, count = struct.unpack_from("<HH", data, 58)
        self.sections = [struct.unpack_from("<IIQQQQIIQQ", data, start + i * size) for i in range(count)]
        table = next(section for section in self.sections if section[1] == 2)
        strings = self.sections[table[6]][4]
        self.symbols = []  # (name, type, section, value, size)
        for at in range(table[4], table[4] + table[5], 24):
            name, info, _, section, value, size = struct.unpack_from("<IBBHQQ", data, at)
            self.symbols.append((data[strings + name:data.index(0, strings + name)].decode(), info & 15, section, value, size))
        self.relocations = {}
        for section in self.sections:
            for at in range(section[4], section[4] + section[5] if section[1] == 9 else 0, 16):
                offset, info = struct.unpack_from("<QQ", data, at)
                self.relocations[section[7], offset] = self.symbols[info >> 32]


def frames_and_calls(elf):
    functions = [symbol for symbol in elf.symbols if symbol[1] == FUNCTION]

    def at(section, offset):
        return next((name for name, _, where, value, size in functions if where == section and value <= offset < value + size), None)

    frames, calls = {}, collections.defaultdict(set)
    for name, _, section, value, size in functions:
        lowest, pointers, i = 0, {STACK: 0}, 0  # registers that point into the frame
        while i < size:
            op, registers, offset, number = struct.unpack_from("<BBhi", elf.data, elf.sections[section][4] + value + i)
            to, of = registers & 15, registers >> 4
            if (op & 7 in STORES and to == STACK) or (op & 7 == LOAD and of == STACK):
                lowest = min(lowest, offset)
            if op == MOVE and of in pointers:
                pointers[to] = pointers[of]
            elif op == ADD and to in pointers:
                pointers[to] += number
                lowest = min(lowest, pointers[to])
            elif op & 7 not in STORES and op & 7 not in (5, 6) and to != STACK:
                pointers.pop(to, None)
            target = elf.relocations.get((section, value + i))
            if op == CALL and of == 1:
                if target is None:
                    calls[name].add(at(section, value + i + 8 + number * 8))
                else:
                    calls[name].add(at(target[2], (number + 1) * 8) if target[1] == SECTION else target[0])
            elif op == WIDE and target is not None:  # what a helper is to call
                calls[name].add(at(target[2], number) if target[1] == SECTION else target[0] if target[1] == FUNCTION else None)
            i += 16 if op == WIDE else 8
        frames[name] = -lowest
    return frames, {name: {called for called in of if called in frames} for name, of in calls.items()}


def deepest(name, frames, calls, above=()):
    """(bytes, [functions]) of the way down that takes most."""
    assert name not in above, f"{name} calls itself"
    below = max((deepest(called, frames, calls, (*above, name)) for called in calls.get(name, ())), default=(0, []))
    return max(32, (frames[name] + 31) // 32 * 32) + below[0], [f"{name} ({frames[name]})", *below[1]]


def test_frames():
    if not OBJECT.exists():
        pytest.skip("built without programs for the kernel")
    frames, calls = frames_and_calls(Elf(OBJECT.read_bytes()))
    called = set().union(*calls.values())
    ways = [deepest(name, frames, calls) for name in frames if name not in called]
    assert len(ways) > 20 and max(len(way) for _, way in ways) >= 4
    assert [way for size, way in ways if size > 512 or len(way) > 8] == []
