"""What comparisons with programs of other projects share: contestants, rounds and ratios.

C++ is built by Bazel, other languages by their own tools into a folder of the user's cache. A
contestant whose Debian package is missing is left out, with one line on stderr. A comparison has a
table of them, functions that build what is not Bazel's, and cases, each with a name. It runs every
contestant once in a round, and takes ratios within a round.
"""

import collections
import fnmatch
import os
import shutil
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "echo"))
import rig  # noqa: E402

CRATES = "/usr/share/cargo/registry"
UNSUPPORTED = 3  # exit status of a contestant that cannot do what is asked

# `source`: a Bazel target, or a key of the table of builders.
# `needs`: files of the Debian packages without which it is left out. `ours`: takes part in ratios.
Contestant = collections.namedtuple("Contestant", "name source options needs ours",
                                    defaults=([], [], False))


def choose(names, table, exists=None):
    """The contestants of a comma-separated list of names, or all, but for those not installed."""
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


def cache_folder(comparison):
    base = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    return os.path.join(base, "annulet", comparison)


def run_tool(command, folder, **environment):
    environment = dict(os.environ, RUSTC="/usr/bin/rustc", **environment)  # not one of the user's
    done = subprocess.run(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True, env=environment)
    if done.returncode != 0:
        raise rig.RigError(f"{' '.join(command)} failed:\n{done.stdout}")


def cargo_build(source, program, cache):
    """Builds a crate from Debian's crates alone; returns the path of `program` in it."""
    copy = os.path.join(cache, program + "-source")  # so that cargo writes nothing into the tree
    built = os.path.join(cache, program)
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(source, copy)
    run_tool(["/usr/bin/cargo", "build", "--quiet", "--offline", "--release",
              "--target-dir", built,
              "--config", 'source.crates-io.replace-with="debian"',
              "--config", f'source.debian.directory="{CRATES}"'], copy)
    return os.path.join(built, "release", program)


def build(chosen, builders):
    """Builds the contestants; returns {name: its command without the flags of a case}."""
    commands = {}
    targets = {c.source for c in chosen if c.source.startswith("//")}
    if targets:
        folder = rig.bazel_build(targets)
        commands.update({t: [rig.built_path(folder, t)] for t in targets})
    for source in sorted({c.source for c in chosen} - targets):
        rig.say(f"building {source}")
        commands[source] = builders[source]()
    return {c.name: commands[c.source] + c.options for c in chosen}


def run(command, seconds):
    """What one run of a contestant prints, or None where it cannot do what is asked."""
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                               preexec_fn=rig.child_setup)
    try:
        out, err = process.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        raise rig.RigError(f"{' '.join(command)}: runs longer than {seconds} s") from None
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
    if process.returncode == UNSUPPORTED:
        return None
    if process.returncode != 0:
        raise rig.RigError(f"{' '.join(command)}: status {process.returncode}\n{err.strip()}")
    return out


def choose_cases(patterns, cases):
    """Those whose name fits one of the comma-separated patterns."""
    chosen = [c for c in cases
              if any(fnmatch.fnmatchcase(c.name, pattern) for pattern in patterns.split(","))]
    if not chosen:
        raise rig.RigError(f"no case {patterns}; known are: " + " ".join(c.name for c in cases))
    return chosen


def measure(names, more, run_once):
    """{contestant: {round: run}}, of those that can do the case.

    There is a further round for as long as more(its number, runs) says so; in each the contestants
    begin with another one. run_once(name, number) is a run, or None, and then not asked again.
    """
    runs = {}
    number = 0
    while more(number, runs):
        turn = number % len(names)
        for name in names[turn:] + names[:turn]:
            if number > 0 and name not in runs:
                continue  # it cannot do this case
            run = run_once(name, number)
            if run is not None:
                runs.setdefault(name, {})[number] = run
        number += 1
    rig.say("")
    return {name: runs[name] for name in names if name in runs}


def ratios_of(figures, ours):
    """For each of ours and each other: the ratio ours / other, paired by rounds."""
    ratios = []
    for left in (name for name in figures if name in ours):
        for right in (name for name in figures if name != left):
            above = {number: value for number, value in figures[right].items() if value > 0}
            ratio = rig.paired_ratio(figures[left], above)
            if ratio is not None:
                ratios.append({"left": left, "right": right, **ratio})
    return ratios
