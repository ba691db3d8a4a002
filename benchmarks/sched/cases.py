"""The cases of benchmarks/sched: what each asks of a contestant, and which figures it prints."""

import collections

# `case`, `workers`, `count`, `repeats`: flags of a contestant. `figures`: what it prints, in the
# order of the report. `optional`: only when asked for by its name.
Case = collections.namedtuple("Case", "name case workers count repeats figures optional")

PER_OPERATION = ("ns", "cpu_ns")  # time for each, and CPU time of the whole process
LATENCY = ("p50_ns", "p99_ns")
MEMORY = ("bytes", "start_ns", "end_ns")
IDLE = ("cpu_us",)
PRIORITY = LATENCY + ("low_share",)

_COUNTS = {"10k": 10_000, "1M": 1_000_000, "5M": 5_000_000, "10M": 10_000_000}
_REPEATS = {"10k": 51, "1M": 3, "5M": 1}


def _all_cases():
    cases = []

    def add(name, case, workers, count, repeats=5, figures=PER_OPERATION, optional=False):
        cases.append(Case(name, case, workers, count, repeats, figures, optional))

    for size in ("10k", "1M", "5M"):
        for workers in (1, 2):
            add(f"spawn_join/{size}/{workers}w", "spawn_join", workers, _COUNTS[size],
                _REPEATS[size])
    for size in ("10k", "1M"):
        for case in ("spawn_local", "spawn_local_run"):
            add(f"{case}/{size}/1w", case, 1, _COUNTS[size], _REPEATS[size])
    for workers in (1, 2):
        add(f"scope_loop/10k/{workers}w", "scope_loop", workers, 10_000, 51)
    for size in ("10k", "1M"):
        for workers in (1, 2):
            add(f"spawn_outside/{size}/{workers}w", "spawn_outside", workers, _COUNTS[size],
                _REPEATS[size])
    for case in ("fork_join", "coroutine_fib"):
        for n, repeats in ((25, 9), (30, 1)):
            for workers in (1, 2):
                add(f"{case}/fib{n}/{workers}w", case, workers, n, repeats)
    for name, count in (("parallel_for/5M", 5_000_000), ("parallel_sort/1M", 1_000_000),
                        ("parallel_reduce/5M", 5_000_000)):
        for workers in (1, 2):
            add(f"{name}/{workers}w", name.split("/")[0], workers, count)
    add("yield/1M/1w", "yield", 1, 1_000_000, 1)
    add("task_switch/1w", "task_switch", 1, 1_000, 51)
    add("create_and_yield/1w", "create_and_yield", 1, 1_000, 51)
    add("create_and_yield_9000/1w", "create_and_yield_9000", 1, 1_000, 51)
    add("idle_wake/2w", "idle_wake", 2, 400, 1, LATENCY)
    add("busy_wake/2w", "busy_wake", 2, 200, 1, LATENCY)
    add("busy_spawn/2w", "busy_spawn", 2, 200, 1, LATENCY)
    add("idle_cpu/10s/2w", "idle_cpu", 2, 10_000, 1, IDLE)
    add("memory/1M/2w", "memory", 2, 1_000_000, 1, MEMORY)
    add("memory/10M/2w", "memory", 2, 10_000_000, 1, MEMORY, optional=True)
    add("high_priority/1w", "high_priority", 1, 1_000, 1, PRIORITY)
    return cases


CASES = _all_cases()


def tiny(case):
    """The case with hardly anything to do: to see that all works."""
    smallest = 5 if case.case in ("fork_join", "coroutine_fib") else 20
    return case._replace(count=min(case.count, smallest), repeats=1)
