"""Writes a log of calls as CSV: ci/replay_log.py LINES FILE, by ci/replay.sh.

An hour's traffic with three outages, a base of failures, latencies with a long end, and ten hosts. The lines are in
the order in which the calls ended, as those of an access log. The same on each machine.
"""

import gzip, sys

LINES, FILE = int(sys.argv[1]), sys.argv[2]
HOUR = 3_600_000_000  # in microseconds
BEGINS = 1_767_225_600_000_000
# from, to, part that fails, how long a failed call takes
OUTAGES = [(600, 660, 1.0, 250_000), (1500, 1530, 0.7, 8_000), (2700, 2820, 0.95, 1_000_000)]


def lines():
    state = 88_172_645_463_325_252
    step = HOUR / LINES
    for n in range(LINES):
        state ^= (state << 13) & 0xFFFFFFFFFFFFFFFF
        state ^= state >> 7
        state ^= (state << 17) & 0xFFFFFFFFFFFFFFFF
        chance, spread = (state & 0xFFFFF) / 0x100000, (state >> 20 & 0xFFFFF) / 0x100000
        at = int(n * step + (state >> 40 & 0xFF) / 0x100 * step)
        took, status = int(4_000 + 20_000 * spread**4), 200
        failing = 0.002
        for begins, ends, part, lasts in OUTAGES:
            if begins <= at / 1e6 < ends:
                failing, slow = part, lasts
                break
        if chance < failing:
            status = 503 if failing < 0.8 else 0 if failing < 1 else 504
            took = slow if failing > 0.01 else took
        end = BEGINS + at + took
        yield f"{end // 1_000_000}.{end % 1_000_000:06},{took / 1000:.3f},{status},host-{state >> 50 & 7}\n"


opened = gzip.open if FILE.endswith(".gz") else open
with opened(FILE, "wt") as file:
    file.write("time,duration_ms,status,host\n")
    file.writelines(lines())
