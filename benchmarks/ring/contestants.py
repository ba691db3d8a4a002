"""The contestants of benchmarks/ring: which there are, how each is built and started.

C++ is built by Bazel, Rust by cargo and Java by javac, these two into a folder of the user's cache.
"""

import os
import sys

_HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(_HERE, "..", "rig"))
import rivals  # noqa: E402

Contestant = rivals.Contestant
rig = rivals.rig

_TARGET = "//benchmarks/ring:"
_JAR = "/usr/share/java/disruptor.jar"
_CROSSBEAM_NEEDS = ["/usr/bin/cargo"]
_LMAX_NEEDS = [_JAR, "/usr/bin/javac", "/usr/bin/java"]

CONTESTANTS = [
    Contestant("annulet", _TARGET + "annulet_ring", ours=True),
    Contestant("annulet_dense", _TARGET + "annulet_dense", ours=True),
    Contestant("raw_spsc", _TARGET + "raw_spsc"),
    Contestant("raw_pingpong", _TARGET + "raw_pingpong"),
    Contestant("lmax", "lmax", [], _LMAX_NEEDS),
    Contestant("lmax_lite", "lmax", ["--contestant=lmax_lite"], _LMAX_NEEDS),
    Contestant("moodycamel_spsc", _TARGET + "moodycamel_spsc", [],
               ["/usr/include/readerwriterqueue/readerwriterqueue.h"]),
    Contestant("moodycamel", _TARGET + "moodycamel", [],
               ["/usr/include/concurrentqueue/concurrentqueue.h"]),
    Contestant("boost_spsc", _TARGET + "boost_spsc", [],
               ["/usr/include/boost/lockfree/spsc_queue.hpp"]),
    Contestant("tbb", _TARGET + "tbb_queue", [], ["/usr/include/tbb/concurrent_queue.h"]),
    Contestant("crossbeam_array", "crossbeam", ["--contestant=crossbeam_array"],
               _CROSSBEAM_NEEDS + [rivals.CRATES + "/crossbeam-queue-*"]),
    Contestant("crossbeam_channel", "crossbeam", ["--contestant=crossbeam_channel"],
               _CROSSBEAM_NEEDS + [rivals.CRATES + "/crossbeam-channel-*"]),
]

_JAVA_OPTIONS = ["-Xms256m", "-Xmx256m", "-XX:+UseSerialGC", "-XX:+AlwaysPreTouch"]


def build_crossbeam():
    source = os.path.join(_HERE, "crossbeam")
    return [rivals.cargo_build(source, "crossbeam", rivals.cache_folder("ring_rivals"))]


def build_lmax():
    folder = os.path.join(rivals.cache_folder("ring_rivals"), "lmax")
    os.makedirs(folder, exist_ok=True)
    source = os.path.join(_HERE, "lmax")
    files = sorted(os.path.join(source, n) for n in os.listdir(source) if n.endswith(".java"))
    rivals.run_tool(["/usr/bin/javac", "-cp", _JAR, "-d", folder] + files, source)
    return ["/usr/bin/java"] + _JAVA_OPTIONS + ["-cp", f"{_JAR}:{folder}", "Lmax"]


def choose(names):
    """The contestants of a comma-separated list of names, or all, but for those not installed."""
    return rivals.choose(names, CONTESTANTS)


def build(chosen):
    """Builds the contestants; returns {name: its command without the flags of a case}."""
    return rivals.build(chosen, {"crossbeam": build_crossbeam, "lmax": build_lmax})
