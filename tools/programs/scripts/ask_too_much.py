"""Asks the device for more and more memory with pyopencl until it is refused, and says so.

Ends with 0 when the refusal came as the specification says: CL_MEM_OBJECT_ALLOCATION_FAILURE.
"""

# pyright: reportMissingImports=false, reportAttributeAccessIssue=false

import sys
import time

import pyopencl

PIECE = 16 << 20


def main() -> int:
    """Allocates 16 MiB at a time, at most 64 GiB."""
    context = pyopencl.create_some_context(interactive=False)
    queue = pyopencl.CommandQueue(context)
    memory = context.devices[0].global_mem_size >> 20
    print(f"device says that it has {memory} MiB", flush=True)
    held = []
    for number in range(4096):
        try:
            piece = pyopencl.Buffer(context, pyopencl.mem_flags.READ_WRITE, PIECE)
            pyopencl.enqueue_fill_buffer(queue, piece, b"\x5a", 0, PIECE).wait()
        except pyopencl.Error as error:
            name = pyopencl.status_code.to_string(error.code)
            print(f"refused CL_{name} at {(number + 1) * PIECE >> 20} MiB", flush=True)
            return 0 if name == "MEM_OBJECT_ALLOCATION_FAILURE" else 4
        held.append(piece)
        print("holds", (number + 1) * PIECE >> 20, "MiB", flush=True)
        time.sleep(0.3)
    print("never refused", flush=True)
    return 5


if __name__ == "__main__":
    sys.exit(main())
