"""A test that is a script: it needs no toolchain and no rules of another repository."""

def _script_test_impl(ctx):
    launcher = ctx.actions.declare_file(ctx.label.name)
    ctx.actions.symlink(output = launcher, target_file = ctx.file.script, is_executable = True)
    runfiles = ctx.runfiles(files = ctx.files.data + [ctx.file.script])
    return [DefaultInfo(executable = launcher, runfiles = runfiles)]

script_test = rule(
    implementation = _script_test_impl,
    attrs = {
        "data": attr.label_list(allow_files = True),
        "script": attr.label(
            allow_single_file = True,
            doc = "An executable file with a #! line; it starts in the root of the runfiles.",
            mandatory = True,
        ),
    },
    test = True,
)
