"""What peers and instructions share: building, starting, pinning and ending the echo servers.

benchmarks/ring uses what is not about servers.

Every child ends with the block that started it, on Ctrl-C and on SIGTERM too, and should this
process be killed outright, the kernel ends them (PR_SET_PDEATHSIG).
"""

import collections
import contextlib
import ctypes
import json
import os
import pathlib
import re
import select
import signal
import statistics
import subprocess
import sys

ROOT = os.path.abspath(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))
ASIO_HEADER = "/usr/include/asio.hpp"
START_SECONDS = 20
STOP_SECONDS = 5
PR_SET_PDEATHSIG = 1

# `backend`: what the server's first line must name, so that a fallback is not measured by mistake.
Server = collections.namedtuple("Server", "name target options backend")

SERVERS = [
    Server("annulet io_uring", "//examples:echo_server",
           ["--port=0", "--threads=1", "--backend=io_uring"], "io_uring"),
    Server("annulet epoll", "//examples:echo_server",
           ["--port=0", "--threads=1", "--backend=epoll"], "epoll"),
    Server("bare io_uring", "//benchmarks/echo:bare_uring", ["0"], None),
    Server("bare epoll", "//benchmarks/echo:bare_epoll", ["0"], None),
    Server("asio", "//benchmarks/echo:asio_echo", ["0"], None),
]
LOAD = "//benchmarks/echo:load"


class RigError(Exception):
    """Something that the user can act on; its text says what."""


def say(text):
    """Shows one passing line of progress, on a terminal only."""
    if sys.stderr.isatty():
        sys.stderr.write("\r\033[K" + text)
        sys.stderr.flush()


def choose_servers(names):
    """The servers of a comma-separated list of names, or all; Asio only where it is installed."""
    chosen = [s for s in SERVERS if not names or s.name in names.split(",")]
    if not chosen:
        raise RigError("no such server; known are: " + ", ".join(s.name for s in SERVERS))
    if not os.path.exists(ASIO_HEADER) and any(s.name == "asio" for s in chosen):
        print("asio is left out: its headers are missing (tools/setup --all installs them)",
              file=sys.stderr)
        chosen = [s for s in chosen if s.name != "asio"]
    return chosen


def bazel_build(targets):
    """Builds the targets for measuring and returns the folder that they are in."""
    bazel = os.environ.get("BAZEL", "bazel").split()
    say("building")
    built = subprocess.run(bazel + ["build", "--config=release"] + sorted(targets), cwd=ROOT,
                           stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if built.returncode != 0:
        raise RigError("the build failed:\n" + built.stdout)
    return subprocess.check_output(bazel + ["info", "--config=release", "bazel-bin"], cwd=ROOT,
                                   text=True, stderr=subprocess.DEVNULL).strip()


def built_path(folder, target):
    path = os.path.join(folder, target.lstrip("/").replace(":", "/"))
    if not os.path.exists(path):
        raise RigError(f"{path} is missing")
    return path


def paired_ratio(left, right):
    """Median, least and greatest of left[n] / right[n] over the rounds n of both, or None."""
    ratios = [left[n] / right[n] for n in sorted(left.keys() & right.keys())]
    if not ratios:
        return None
    return {"median": statistics.median(ratios), "min": min(ratios), "max": max(ratios),
            "rounds": len(ratios)}


class Programs:
    """Where the built programs are; builds them unless a folder of ready ones is given."""

    def __init__(self, servers, ready_folder=None):
        self._folder = ready_folder or bazel_build({s.target for s in servers} | {LOAD})

    def path(self, target):
        return built_path(self._folder, target)

    def command(self, server):
        return [self.path(server.target)] + server.options


def child_setup(core=None):
    """In a child before it starts: ends with its parent, and runs on that core only."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if core is not None:
        os.sched_setaffinity(0, {core})


def _read_first_line(process):
    ready, _, _ = select.select([process.stdout], [], [], START_SECONDS)
    line = process.stdout.readline() if ready else ""
    found = re.match(r"listening on (\S+:\d+)", line)
    if not found:
        raise RigError(f"{process.args[0]}: no 'listening on ADDRESS' within {START_SECONDS} s, "
                       f"but {line!r}")
    return line, found[1]


@contextlib.contextmanager
def running(command, core=None, backend=None, stop_signal=signal.SIGTERM, **options):
    """Starts a server and yields (address, process); ends it, and checks that it ended well."""
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True,
                               preexec_fn=lambda: child_setup(core), **options)
    try:
        line, address = _read_first_line(process)
        if backend is not None and f"backend: {backend}," not in line.replace(")", ","):
            raise RigError(f"{command[0]}: wanted backend {backend}: {line.strip()}")
        yield address, process
        process.send_signal(stop_signal)
        try:
            status = process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            raise RigError(f"{command[0]}: runs {STOP_SECONDS} s after signal {stop_signal}")
        if status != 0 and stop_signal != signal.SIGKILL:
            raise RigError(f"{command[0]}: wanted status 0")
    except RigError as error:
        with contextlib.suppress(subprocess.TimeoutExpired):
            status = process.wait(0.5)
            raise RigError(f"{error}; {command[0]} has ended with status {status}") from None
        raise
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
        process.stdout.close()


def run_load(command, core=None, timeout=None):
    """Runs the load generator and returns its phases as a list of dictionaries."""
    process = subprocess.Popen(command + ["--format=json"], stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE, text=True,
                               preexec_fn=lambda: child_setup(core))
    try:
        out, err = process.communicate(timeout=timeout)
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
    if process.returncode != 0:
        raise RigError("load: " + err.strip())
    return json.loads(out)["phases"]


def cpu_ns(pid):
    """Returns the CPU time that all threads of the process have used."""
    tasks = pathlib.Path(f"/proc/{pid}/task").iterdir()
    return sum(int((task / "schedstat").read_text().split()[0]) for task in tasks)


def system_calls(trace, begin, end):
    """Returns how many system calls strace -ttt saw begin between two times."""
    times = (float(line.split()[1]) for line in trace.read_text().splitlines()
             if " resumed>" not in line)
    return sum(begin < time < end for time in times)


def run_main(main):
    """Runs main() and turns interruption and errors into an exit status and one line."""
    def interrupted(_signal, _frame):
        raise KeyboardInterrupt

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, interrupted)
    try:
        status = main() or 0
    except KeyboardInterrupt:
        status = 130
    except RigError as error:
        say("")
        print(f"{os.path.basename(sys.argv[0])}: {error}", file=sys.stderr)
        status = 1
    sys.exit(status)
