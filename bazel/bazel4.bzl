"""Repositories that the Bazel 4.2.3 of Debian names by itself and could only download.

A Bazel that uses MODULE.bazel never loads this file.
"""

_CC_RULES = [
    "cc_binary",
    "cc_import",
    "cc_library",
    "cc_test",
    "cc_toolchain",
    "cc_toolchain_suite",
]

# What Debian's own rule packages and the libraries' BUILD files select on.
_CPUS = [
    "aarch32",
    "aarch64",
    "arm",
    "arm64_32",
    "arm64e",
    "armv6-m",
    "armv7",
    "armv7-m",
    "armv7e-m",
    "armv7e-mf",
    "armv7k",
    "armv8-m",
    "cortex-r52",
    "i386",
    "mips64",
    "ppc",
    "ppc32",
    "ppc64le",
    "riscv32",
    "riscv64",
    "s390x",
    "wasm32",
    "wasm64",
    "x86_32",
    "x86_64",
]

_OSES = [
    "android",
    "chromiumos",
    "emscripten",
    "freebsd",
    "fuchsia",
    "haiku",
    "ios",
    "linux",
    "macos",
    "netbsd",
    "nixos",
    "none",
    "openbsd",
    "qnx",
    "tvos",
    "vxworks",
    "wasi",
    "watchos",
    "windows",
]

_DEBIAN = {
    "bazel_skylib": "/usr/share/bazel/tools/skylib",
    "rules_java": "/usr/share/bazel/rules/java",
}

_CONSTRAINT_VALUE = "constraint_value(name = \"%s\", constraint_setting = \":%s\")"

def _rules_cc():
    """Files of a @rules_cc whose rules are the ones built into Bazel 4."""
    files = {
        "BUILD.bazel": "",
        "cc/BUILD.bazel": "",
        "cc/defs.bzl": "".join(["%s = native.%s\n" % (rule, rule) for rule in _CC_RULES]),
    }
    for rule in _CC_RULES:
        files["cc/%s.bzl" % rule] = "%s = native.%s\n" % (rule, rule)
    return files

def _constraints(setting, values, aliases):
    lines = [
        "package(default_visibility = [\"//visibility:public\"])",
        "constraint_setting(name = \"%s\")" % setting,
    ]
    for value in values:
        lines.append(_CONSTRAINT_VALUE % (value, setting))
    for name, actual in aliases.items():
        lines.append("alias(name = \"%s\", actual = \":%s\")" % (name, actual))
    return "\n".join(lines) + "\n"

def _platforms():
    """Files of a @platforms with the constraints that the libraries name and Debian's lacks."""
    return {
        "BUILD.bazel": "",
        "cpu/BUILD.bazel": _constraints("cpu", _CPUS, {"arm64": "aarch64"}),
        "os/BUILD.bazel": _constraints("os", _OSES, {"osx": "macos"}),
    }

def _remote_coverage_tools():
    """Files of the tools behind `bazel coverage`: every test names them, Debian lacks them."""
    return {
        "BUILD.bazel": """\
sh_binary(
    name = "coverage_report_generator",
    srcs = ["unavailable.sh"],
    visibility = ["//visibility:public"],
)
""",
        "unavailable.sh": """\
#!/bin/sh
echo >&2 "Debian's Bazel has no bazel coverage"
exit 1
""",
    }

def _inline_repository_impl(ctx):
    ctx.file("WORKSPACE", "workspace(name = \"%s\")\n" % ctx.name)
    for path, content in ctx.attr.files.items():
        ctx.file(path, content, executable = path.endswith(".sh"))

_inline_repository = repository_rule(
    implementation = _inline_repository_impl,
    attrs = {"files": attr.string_dict(mandatory = True)},
)

# buildifier: disable=unnamed-macro
def bazel4_repositories():
    """Declares each of these repositories that the workspace has not declared itself."""
    declared = native.existing_rules()
    for name, files in {
        "platforms": _platforms(),
        "remote_coverage_tools": _remote_coverage_tools(),
        "rules_cc": _rules_cc(),
    }.items():
        if name not in declared:
            _inline_repository(name = name, files = files)
    for name, path in _DEBIAN.items():
        if name not in declared:
            native.local_repository(name = name, path = path)
