"""The contestants of benchmarks/sched: which there are, how each is built and started."""

import os
import sys

_HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(_HERE, "..", "rig"))
import rivals  # noqa: E402

Contestant = rivals.Contestant
rig = rivals.rig

_TARGET = "//benchmarks/sched:"
_GO = "/usr/bin/go"
_OPENMP = "/usr/lib/llvm-19/lib/libomp.so"
_RUST_NEEDS = ["/usr/bin/cargo", rivals.CRATES + "/rayon-1*", rivals.CRATES + "/tokio-1*"]

CONTESTANTS = [
    Contestant("annulet", _TARGET + "annulet", ours=True),
    Contestant("serial", _TARGET + "serial"),
    Contestant("tokio", "rivals", ["--contestant=tokio"], _RUST_NEEDS),
    Contestant("tokio_local", "rivals", ["--contestant=tokio_local"], _RUST_NEEDS),
    Contestant("rayon", "rivals", ["--contestant=rayon"], _RUST_NEEDS),
    Contestant("tbb", _TARGET + "tbb", [], ["/usr/include/tbb/task_group.h"]),
    Contestant("openmp", _TARGET + "openmp", [], [_OPENMP]),
    Contestant("go", "go", [], [_GO]),
    Contestant("asio", _TARGET + "asio", [], [rig.ASIO_HEADER]),
]


def build_rivals():
    source = os.path.join(_HERE, "rivals")
    return [rivals.cargo_build(source, "rivals", rivals.cache_folder("sched_rivals"))]


def build_go():
    folder = os.path.join(rivals.cache_folder("sched_rivals"), "go")
    program = os.path.join(folder, "go_contestant")
    rivals.run_tool([_GO, "build", "-o", program, "."], os.path.join(_HERE, "go"),
                    GOCACHE=os.path.join(folder, "cache"), GOFLAGS="-mod=mod -buildvcs=false")
    return [program]


def choose(names):
    """The contestants of a comma-separated list of names, or all, but for those not installed."""
    return rivals.choose(names, CONTESTANTS)


def build(chosen):
    """Builds the contestants; returns {name: its command without the flags of a case}."""
    return rivals.build(chosen, {"go": build_go, "rivals": build_rivals})
