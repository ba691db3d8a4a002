#!/usr/bin/env python3
"""Fails when a file breaks the layering of the modules or a house rule; says where and why.

Usage: tools/check_layers.py [--workspace-file=WORKSPACE] [ROOT]

ROOT is the workspace to check, by default the one that this file lies in. As a Bazel test it finds
the real one through a link to a file at its root.
"""
import argparse
import collections
import os
import re
import sys

# Which modules the files of a module may include, besides its own. docs/ARCHITECTURE.md draws it.
_CORE = {"wait", "ring", "task", "sync", "sched", "io", "pool"}
LAYERS = {
    "wait": set(),
    "ring": {"wait"},
    "task": {"wait"},
    "sync": {"task", "wait"},
    "sched": {"task", "wait"},
    "io": {"task", "wait"},
    "pool": {"sync", "sched", "task", "wait"},
    "testing": {"wait"},
    "runtime": _CORE,
    "examples": _CORE | {"runtime", "testing"},
    "benchmarks": _CORE | {"runtime", "testing"},
}
TEST_ONLY = {"testing"}  # what a *_test.cc, or a header in <module>/testing, may include on top
OUTSIDE = "examples/consumer/"  # a workspace of its own, with headers of its own

MAX_COLUMNS = 100
MAX_LINES = 500
MAX_FUNCTION_LINES = 70
CXX = (".h", ".cc", ".c")
CHECKED = CXX + (".py", ".bzl")

_INCLUDE = re.compile(r'^\s*#\s*include\s*"([^"]+)"')
_NOT_CODE = re.compile(r"\s*(#|//|$)")
_NO_FUNCTION = re.compile(r"\s*(class|struct|union|enum|namespace|extern)\b")
_SKIPPED_FOLDERS = {"node_modules", "__pycache__"}

Problem = collections.namedtuple("Problem", "path line text")


def source_files(root):
    """Paths under root, relative to it, of the files that the rules are about."""
    for folder, folders, names in os.walk(root):
        folders[:] = sorted(
            name for name in folders
            if not name.startswith((".", "bazel-")) and name not in _SKIPPED_FOLDERS)
        for name in sorted(names):
            if name.endswith(CHECKED):
                yield os.path.relpath(os.path.join(folder, name), root)


def allowed_modules(path, module):
    allowed = LAYERS[module] | {module}
    is_for_tests = path.endswith("_test.cc") or path.split(os.sep)[1] == "testing"
    return allowed | TEST_ONLY if is_for_tests else allowed


def check_include(path, target):
    """Returns what is wrong with including target in the file at path, or None."""
    module = path.split(os.sep)[0]
    if target.startswith(("./", "../")):
        return f'"{target}" is relative; write "annulet/<module>/..."'
    first, _, rest = target.partition("/")
    if first in LAYERS and rest and not path.startswith(OUTSIDE):
        return f'write "annulet/{target}": a plain "{target}" may be a header of the user'
    if first != "annulet":
        return None
    included = rest.split("/")[0]
    if included not in LAYERS:
        return f'"{target}": there is no module "{included}" in the layer table'
    if included not in allowed_modules(path, module):
        may = ", ".join(sorted(LAYERS[module])) or "no other module"
        return f'"{target}": {module} may include {may}'
    return None


def check_includes(path, lines):
    module = path.split(os.sep)[0]
    if module not in LAYERS:
        yield Problem(path, 1, f'"{module}" is not in the layer table of tools/check_layers.py')
        return
    for number, line in enumerate(lines, 1):
        include = _INCLUDE.match(line)
        text = include and check_include(path, include.group(1))
        if text:
            yield Problem(path, number, text)


def check_sizes(path, lines):
    if len(lines) > MAX_LINES:
        yield Problem(path, len(lines), f"{len(lines)} lines; split it, {MAX_LINES} is the most")
    for number, line in enumerate(lines, 1):
        if len(line) > MAX_COLUMNS:
            yield Problem(path, number, f"{len(line)} columns; {MAX_COLUMNS} is the most")


def check_functions(path, lines):
    """Reads formatted code only: a lone `}` closes what the last line of its own indent opened."""
    indents = [len(line) - len(line.lstrip()) for line in lines]
    for end, line in enumerate(lines):
        if line.strip() != "}":
            continue
        begin = end - 1
        while begin > 0 and (indents[begin] > indents[end] or _NOT_CODE.match(lines[begin])):
            begin -= 1
        length = end - begin + 1
        if length > MAX_FUNCTION_LINES and not _NO_FUNCTION.match(lines[begin]):
            text = f"a function of {length} lines; {MAX_FUNCTION_LINES} is the most"
            yield Problem(path, begin + 1, text)


def check(root):
    """All problems of the workspace at root, and how many files were read."""
    problems, count = [], 0
    for path in source_files(root):
        with open(os.path.join(root, path), encoding="utf-8") as file:
            lines = file.read().splitlines()
        count += 1
        problems += check_sizes(path, lines)
        if path.endswith(CXX):
            problems += check_includes(path, lines)
            problems += check_functions(path, lines)
    return problems, count


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("root", nargs="?", metavar="ROOT")
    parser.add_argument("--workspace-file", help="a link to a file at the root of the workspace")
    options = parser.parse_args()
    in_root = options.workspace_file or os.path.dirname(os.path.realpath(__file__))
    root = options.root or os.path.dirname(os.path.realpath(in_root))
    problems, count = check(root)
    for problem in problems:
        print(f"{problem.path}:{problem.line}: {problem.text}")
    if count == 0:
        print(f"{root}: no source files; is this the workspace?")
    print(f"{count} files, {len(problems)} problems")
    return 0 if count and not problems else 1


if __name__ == "__main__":
    sys.exit(main())
