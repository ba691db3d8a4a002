"""The C++ libraries that this repository needs, for a build by WORKSPACE.

A Bazel that uses MODULE.bazel never loads this file.
"""

# tools/setup unpacks Debian's source packages here, under the root of this repository.
_UNPACKED = ".deps"

_DOWNLOAD_FAILED = """\
@{name}: {folder} is missing and {url} cannot be reached.
On Debian tools/setup, in the folder of annulet, unpacks it; elsewhere the download must work."""

def _source_repository_impl(ctx):
    root = ctx.path(Label("@annulet//:WORKSPACE")).dirname
    folder = root.get_child(_UNPACKED).get_child(ctx.attr.folder)
    if folder.exists:
        ours = ["WORKSPACE", "WORKSPACE.bazel"]
        if ctx.attr.build_file:
            ours += ["BUILD", "BUILD.bazel"]
        for entry in folder.readdir():
            if entry.basename not in ours:
                ctx.symlink(entry, entry.basename)
    else:
        result = ctx.download_and_extract(
            url = ctx.attr.url,
            sha256 = ctx.attr.sha256,
            stripPrefix = ctx.attr.strip_prefix,
            allow_fail = True,
        )
        if not result.success:
            fail(_DOWNLOAD_FAILED.format(
                name = ctx.name,
                folder = folder,
                url = ctx.attr.url,
            ))
    ctx.file("WORKSPACE", "workspace(name = \"%s\")\n" % ctx.name)
    if ctx.attr.build_file:
        ctx.symlink(ctx.attr.build_file, "BUILD.bazel")

_source_repository = repository_rule(
    implementation = _source_repository_impl,
    attrs = {
        "build_file": attr.label(doc = "BUILD file for sources that have none for Bazel"),
        "folder": attr.string(mandatory = True, doc = "name under .deps"),
        "sha256": attr.string(mandatory = True, doc = "of what url gives, not of Debian's tarball"),
        "strip_prefix": attr.string(mandatory = True),
        "url": attr.string(mandatory = True, doc = "the same release, for machines without Debian"),
    },
    local = True,
)

def _declare(name, **kwargs):
    if name not in native.existing_rules():
        _source_repository(name = name, **kwargs)

# buildifier: disable=unnamed-macro
def annulet_dependencies():
    """Declares each library that the workspace has not declared itself."""
    _declare(
        name = "com_google_absl",
        folder = "abseil",
        sha256 = "f50e5ac311a81382da7fa75b97310e4b9006474f9560ac46f54a9967f07d4ae3",
        strip_prefix = "abseil-cpp-20240722.0",
        url = "https://github.com/abseil/abseil-cpp/archive/refs/tags/20240722.0.tar.gz",
    )
    _declare(
        name = "com_google_googletest",
        folder = "googletest",
        sha256 = "81964fe578e9bd7c94dfdb09c8e4d6e6759e19967e397dbea48d1c10e45d0df2",
        strip_prefix = "googletest-release-1.12.1",
        url = "https://github.com/google/googletest/archive/refs/tags/release-1.12.1.tar.gz",
    )
    _declare(
        name = "com_github_google_benchmark",
        folder = "benchmark",
        sha256 = "6430e4092653380d9dc4ccb45a1e2dc9259d581f4866dc0759713126056bc1d7",
        strip_prefix = "benchmark-1.7.1",
        url = "https://github.com/google/benchmark/archive/refs/tags/v1.7.1.tar.gz",
    )
    _declare(
        name = "liburing",
        build_file = "@annulet//third_party:liburing.BUILD",
        folder = "liburing",
        sha256 = "897b1153b55543e8b92a5a3eb9b906537a5fedcf8afaf241f8b8787940c79f8d",
        strip_prefix = "liburing-liburing-2.9",
        url = "https://github.com/axboe/liburing/archive/refs/tags/liburing-2.9.tar.gz",
    )
