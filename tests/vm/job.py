"""A pyopencl job that says what the device computed: the same words natively and in a guest VM.

job.py compute            hashes of results, of kernels, copies and maps
job.py fill BYTES         buffers of so many bytes until one is refused: how many
job.py burn SECONDS [DEPTH]   keeps the device busy with so many kernels, and says so at the start
job.py hold BYTES FILE    takes so many bytes, says so, and keeps them until the file is gone
"""

from __future__ import annotations

import hashlib
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pyopencl as cl

SOURCE = """
kernel void stir(global uint *data, uint rounds) {
  uint word = data[get_global_id(0)];
  for (uint i = 0; i < rounds; i++) word = word * 1664525u + 1013904223u + (word >> 7);
  data[get_global_id(0)] = word;
}
kernel void sums(global const uint *data, global ulong *out) {
  ulong sum = 0;
  for (uint i = 0; i < 256; i++) sum += data[get_global_id(0) * 256 + i];
  out[get_global_id(0)] = sum;
}
"""
ITEMS = 1 << 18


def told(words: str, data: np.ndarray) -> None:
    print(words, hashlib.sha256(np.ascontiguousarray(data).tobytes()).hexdigest(), flush=True)


def compute() -> None:
    context = cl.Context([cl.get_platforms()[0].get_devices()[0]])
    queue = cl.CommandQueue(context)
    program = cl.Program(context, SOURCE).build()
    data = np.arange(ITEMS, dtype=np.uint32)
    buffer = cl.Buffer(context, cl.mem_flags.READ_WRITE | cl.mem_flags.COPY_HOST_PTR, hostbuf=data)
    out = cl.Buffer(context, cl.mem_flags.WRITE_ONLY, ITEMS // 256 * 8)
    stir = cl.Kernel(program, "stir")
    for rounds in (1, 10, 100):
        stir(queue, (ITEMS,), (64,), buffer, np.uint32(rounds))
    program.sums(queue, (ITEMS // 256,), None, buffer, out)
    stirred, sums = np.empty(ITEMS, np.uint32), np.empty(ITEMS // 256, np.uint64)
    reads = [
        cl.enqueue_copy(queue, stirred, buffer, is_blocking=False),
        cl.enqueue_copy(queue, sums, out, is_blocking=False),
    ]
    cl.wait_for_events(reads)
    told("stirred", stirred)
    told("sums", sums)
    large = np.random.default_rng(7).integers(0, 256, 24 << 20, dtype=np.uint8)
    copied = cl.Buffer(context, cl.mem_flags.READ_WRITE, large.nbytes)
    cl.enqueue_copy(queue, copied, large)
    both: Any = cl.map_flags.READ | cl.map_flags.WRITE
    mapped, _ = cl.enqueue_map_buffer(queue, copied, both, 0, (1 << 20,), np.dtype(np.uint8))
    mapped[:] ^= 255
    mapped.base.release(queue)
    cl.enqueue_copy(queue, large, copied)
    told("copied", large)


def fill(size: int) -> None:
    context = cl.Context([cl.get_platforms()[0].get_devices()[0]])
    kept: list[cl.Buffer] = []
    try:
        while len(kept) < 4096:
            kept.append(cl.Buffer(context, cl.mem_flags.READ_WRITE, size))
    except cl.Error as error:
        print("refused after", len(kept), error.code, flush=True)


def burn(seconds: float, depth: int = 16) -> None:
    context = cl.Context([cl.get_platforms()[0].get_devices()[0]])
    queue = cl.CommandQueue(context)
    stir = cl.Kernel(cl.Program(context, SOURCE).build(), "stir")
    buffer = cl.Buffer(context, cl.mem_flags.READ_WRITE, 4 * ITEMS)
    print("burns", flush=True)
    end = time.monotonic() + seconds
    under_way: list[cl.Event] = []
    while time.monotonic() < end:
        under_way.append(stir(queue, (ITEMS,), (64,), buffer, np.uint32(100)))
        queue.flush()
        if len(under_way) > depth:  # so that it never runs dry
            under_way.pop(0).wait()
    queue.finish()


def hold(size: int, name: str) -> None:
    context = cl.Context([cl.get_platforms()[0].get_devices()[0]])
    queue = cl.CommandQueue(context)
    buffer = cl.Buffer(context, cl.mem_flags.READ_WRITE, size)
    cl.enqueue_fill_buffer(queue, buffer, np.ones(1, np.uint8), 0, size).wait()
    print("holds", size, flush=True)
    while Path(name).exists():
        time.sleep(0.05)


if __name__ == "__main__":
    what, *rest = sys.argv[1:]
    if what == "compute":
        compute()
    elif what == "fill":
        fill(int(rest[0]))
    elif what == "burn":
        burn(float(rest[0]), *map(int, rest[1:]))
    else:
        hold(int(rest[0]), rest[1])
