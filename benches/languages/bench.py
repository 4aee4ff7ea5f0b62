"""A success through pybreaker and circuitbreaker. One thread: the interpreter's lock lets one run at a time.

Prints lines of breaker, language, threads, best and median in nanoseconds of a call.
"""

import platform
import time
from importlib.metadata import version

import circuitbreaker
import pybreaker

SLICES = 40
CALLS = 10_000


def dependency():
    return 1


def slice_of(call):
    began = time.perf_counter_ns()
    for _ in range(CALLS):
        if call() != 1:
            raise AssertionError("another result")
    return (time.perf_counter_ns() - began) / CALLS


breaker = pybreaker.CircuitBreaker(fail_max=5, reset_timeout=30)
decorated = circuitbreaker.circuit(failure_threshold=5, recovery_timeout=30)(dependency)
sides = {
    "the bare call": dependency,
    f"pybreaker {version('pybreaker')}": lambda: breaker.call(dependency),
    f"circuitbreaker {version('circuitbreaker')}": decorated,
}
took = {name: [] for name in sides}
for call in sides.values():
    slice_of(call)
for _ in range(SLICES):
    for name, call in sides.items():
        took[name].append(slice_of(call))
for name, all_of_it in took.items():
    all_of_it.sort()
    print(name, f"Python {platform.python_version()}", 1, f"{all_of_it[0]:.1f}", f"{all_of_it[SLICES // 2]:.1f}", sep="\t")
