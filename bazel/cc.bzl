"""The C++ rules of this repository: cc_* with its include style and its warnings.

A header ring/ring.h is included as "annulet/ring/ring.h", here and in every workspace that depends
on this one, so that it cannot clash with a ring/ring.h of theirs. Bazel gives that path to `hdrs`
alone: a header for a package's own use goes into the `hdrs` of a target with narrow visibility, not
into `srcs`.
"""

load("@rules_cc//cc:defs.bzl", "cc_binary", "cc_library", "cc_test")

_WARNINGS = [
    "-Wall",
    "-Wextra",
    "-Wshadow",
    "-Wno-missing-field-initializers",
] + select({
    "@annulet//bazel:werror": ["-Werror"],
    "//conditions:default": [],
})

def _copts(srcs, copts):
    # GCC warns when a C file is given an option for C++.
    has_c = type(srcs) == type([]) and any([src.endswith(".c") for src in srcs])
    return _WARNINGS + ([] if has_c else ["-Wnon-virtual-dtor"]) + copts

def annulet_cc_library(name, srcs = [], copts = [], **kwargs):
    """A cc_library whose headers are included as "annulet/<package>/<header>"."""
    cc_library(
        name = name,
        srcs = srcs,
        copts = _copts(srcs, copts),
        include_prefix = "annulet/" + native.package_name(),
        strip_include_prefix = "/" + native.package_name(),
        **kwargs
    )

def annulet_cc_binary(name, srcs = [], copts = [], **kwargs):
    """A cc_binary with the warnings of this repository."""
    cc_binary(
        name = name,
        srcs = srcs,
        copts = _copts(srcs, copts),
        **kwargs
    )

def annulet_cc_test(name, srcs = [], copts = [], deps = [], size = "small", **kwargs):
    """A GoogleTest test; GoogleTest and its main() come by themselves."""
    cc_test(
        name = name,
        size = size,
        srcs = srcs,
        copts = _copts(srcs, copts),
        deps = deps + [
            "@com_google_googletest//:gtest",
            "@com_google_googletest//:gtest_main",
        ],
        **kwargs
    )

def annulet_cc_benchmark(name, srcs = [], copts = [], deps = [], tags = [], **kwargs):
    """A Google Benchmark binary, and NAME_smoke_test, which runs each case of it for a moment.

    Args:
      name: of the binary.
      srcs: the cases; main() comes by itself.
      copts: as of cc_library.
      deps: of the cases; Google Benchmark comes by itself.
      tags: of every target made here.
      **kwargs: go to the binary and to the test.
    """
    cc_library(
        name = name + "_cases",
        testonly = True,
        srcs = srcs,
        copts = _copts(srcs, copts),
        tags = tags,
        deps = deps + ["@com_github_google_benchmark//:benchmark"],
        alwayslink = True,
    )
    main = [
        ":%s_cases" % name,
        "@com_github_google_benchmark//:benchmark_main",
    ]
    cc_binary(
        name = name,
        testonly = True,
        tags = tags + ["benchmark"],
        deps = main,
        **kwargs
    )
    cc_test(
        name = name + "_smoke_test",
        size = "small",
        args = ["--benchmark_min_time=0.001"],
        tags = tags + ["benchmark_smoke"],
        deps = main,
        **kwargs
    )
