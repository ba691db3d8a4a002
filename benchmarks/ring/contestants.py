"""The contestants of benchmarks/ring: which there are, how each is built and started.

C++ is built by Bazel, Rust by cargo and Java by javac, these two into a folder of the user's cache.
A contestant whose Debian package is missing is left out, with one line on stderr.
"""

import collections
import os
import shutil
import subprocess
import sys

_HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(_HERE, "..", "echo"))
import rig  # noqa: E402

# `source`: a Bazel target, or the folder of the other language.
# `needs`: files of the Debian packages without which it is left out. `ours`: takes part in ratios.
Contestant = collections.namedtuple("Contestant", "name source options needs ours",
                                    defaults=([], [], False))

_TARGET = "//benchmarks/ring:"
_CRATES = "/usr/share/cargo/registry"
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
               _CROSSBEAM_NEEDS + [_CRATES + "/crossbeam-queue-*"]),
    Contestant("crossbeam_channel", "crossbeam", ["--contestant=crossbeam_channel"],
               _CROSSBEAM_NEEDS + [_CRATES + "/crossbeam-channel-*"]),
]

_JAVA_OPTIONS = ["-Xms256m", "-Xmx256m", "-XX:+UseSerialGC", "-XX:+AlwaysPreTouch"]


def choose(names, table=None, exists=None):
    """The contestants of a comma-separated list of names, or all, but for those not installed."""
    table = CONTESTANTS if table is None else table
    exists = exists or _exists
    wanted = names.split(",") if names else [c.name for c in table]
    unknown = set(wanted) - {c.name for c in table}
    if unknown:
        raise rig.RigError(f"no contestant {', '.join(sorted(unknown))}; known are: " +
                           ", ".join(c.name for c in table))
    chosen = []
    for contestant in (c for c in table if c.name in wanted):
        missing = [path for path in contestant.needs if not exists(path)]
        if missing:
            print(f"{contestant.name} is left out: {missing[0]} is missing"
                  " (tools/setup --all installs it)", file=sys.stderr)
        else:
            chosen.append(contestant)
    return chosen


def _exists(pattern):
    if not pattern.endswith("*"):
        return os.path.exists(pattern)
    folder, start = os.path.split(pattern[:-1])
    return os.path.isdir(folder) and any(n.startswith(start) for n in os.listdir(folder))


def _cache():
    base = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    return os.path.join(base, "annulet", "ring_rivals")


def _run(command, folder):
    environment = dict(os.environ, RUSTC="/usr/bin/rustc")  # not one of the user's own
    done = subprocess.run(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True, env=environment)
    if done.returncode != 0:
        raise rig.RigError(f"{' '.join(command)} failed:\n{done.stdout}")


def _fresh_copy(source, target):
    """Copies the sources of a rival, so that its tools write nothing into the tree."""
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(source, target)


def build_crossbeam():
    source = os.path.join(_cache(), "crossbeam-source")
    built = os.path.join(_cache(), "crossbeam")
    _fresh_copy(os.path.join(_HERE, "crossbeam"), source)
    _run(["/usr/bin/cargo", "build", "--quiet", "--offline", "--release",
          "--target-dir", built,
          "--config", 'source.crates-io.replace-with="debian"',
          "--config", f'source.debian.directory="{_CRATES}"'], source)
    return [os.path.join(built, "release", "crossbeam")]


def build_lmax():
    folder = os.path.join(_cache(), "lmax")
    os.makedirs(folder, exist_ok=True)
    source = os.path.join(_HERE, "lmax")
    files = sorted(os.path.join(source, n) for n in os.listdir(source) if n.endswith(".java"))
    _run(["/usr/bin/javac", "-cp", _JAR, "-d", folder] + files, source)
    return ["/usr/bin/java"] + _JAVA_OPTIONS + ["-cp", f"{_JAR}:{folder}", "Lmax"]


_BUILDERS = {"crossbeam": build_crossbeam, "lmax": build_lmax}


def build(chosen):
    """Builds the contestants; returns {name: its command without the flags of a case}."""
    commands = {}
    targets = {c.source for c in chosen if c.source.startswith("//")}
    if targets:
        folder = rig.bazel_build(targets)
        commands.update({t: [rig.built_path(folder, t)] for t in targets})
    for source in sorted({c.source for c in chosen} - targets):
        rig.say(f"building {source}")
        commands[source] = _BUILDERS[source]()
    return {c.name: commands[c.source] + c.options for c in chosen}
