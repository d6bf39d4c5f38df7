"""A tenant in Python that computes nothing: it writes the counts of one with a given share.

FAKE_TENANT chooses what it does when it runs with others (for seven seconds or more): "" writes the
shares in FAKE_SHARES, in percent and in the order of the tenants, and from halfway on those in
FAKE_SHARES_LATER, if any; "die" ends with an error before
it is ready, "hang" never ends, "nonsense" writes what are no counts. Alone it has the whole device.
"""

import json
import os
import sys
import time
from pathlib import Path

KERNELS_PER_SECOND = 2000


def main() -> int:
    if "--calibrate" in sys.argv:
        print(100)
        return 0
    arguments = dict(zip(sys.argv[1::2], sys.argv[2::2], strict=True))
    out, seconds = Path(arguments["--out"]), float(arguments["--seconds"])
    behaviour = os.environ.get("FAKE_TENANT", "") if seconds >= 7 else ""
    with Path(os.environ["FAKE_TENANT_LOG"]).open("a") as log:
        log.write(f"{os.getpid()}\n")
    if behaviour == "die":
        print("it can't, for a test", file=sys.stderr)
        return 1
    print("ready", flush=True)
    start = int(sys.stdin.readline())
    if behaviour == "hang":
        time.sleep(600)
    if behaviour == "nonsense":
        out.write_text("what is this\n")
        return 0
    share = later = 100.0
    if seconds >= 7:
        index = int(out.name.rpartition("-")[2])
        share = json.loads(os.environ["FAKE_SHARES"])[index]
        later = json.loads(os.environ.get("FAKE_SHARES_LATER") or os.environ["FAKE_SHARES"])[index]
    delay = 700_000 if arguments["--pattern"] == "latency" else 0
    processes = int(arguments["--processes"])
    half = seconds * 1000 / 2
    rate = KERNELS_PER_SECOND / 1000 / 100 / processes
    lines = [
        f"{start + ms * 1_000_000} "
        f"{int(rate * (share * min(ms, half) + later * max(0, ms - half)))} {delay}\n"
        for ms in range(int(seconds * 1000) + 1)
    ]
    for number in range(processes):
        own = Path(f"{out}.{number}") if processes > 1 else out
        own.write_text("".join(lines))
    return 0


if __name__ == "__main__":
    sys.exit(main())
