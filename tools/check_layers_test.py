#!/usr/bin/env python3
"""Tests check_layers.py on small trees that it must accept or refuse."""
import os
import subprocess
import sys
import tempfile
import unittest

# Both files lie side by side, in the workspace as in the runfiles; a link must not be followed.
_HERE = os.path.join(os.getcwd(), "tools")
_CHECKER = os.path.join(_HERE, "check_layers.py")


def run(files):
    """Runs the checker on a tree of {path: text}; returns its exit status and its output."""
    with tempfile.TemporaryDirectory() as root:
        for path, text in files.items():
            os.makedirs(os.path.dirname(os.path.join(root, path)), exist_ok=True)
            with open(os.path.join(root, path), "w", encoding="utf-8") as file:
                file.write(text)
        done = subprocess.run(
            [sys.executable, _CHECKER, root], stdout=subprocess.PIPE, text=True, check=False)
        return done.returncode, done.stdout


class CheckLayersTest(unittest.TestCase):

    def assert_accepts(self, files):
        status, output = run(files)
        self.assertEqual(status, 0, output)

    def assert_refuses(self, files, message):
        status, output = run(files)
        self.assertEqual(status, 1, output)
        self.assertIn(message, output)

    def test_an_include_of_a_lower_module_passes(self):
        self.assert_accepts({"sched/worker.cc": '#include "annulet/task/task.h"\n'})

    def test_an_include_of_the_own_module_passes(self):
        self.assert_accepts({"wait/parker.cc": '#include "annulet/wait/parker.h"\n'})

    def test_an_include_of_a_higher_module_fails(self):
        self.assert_refuses({"task/task.h": '#pragma once\n#include "annulet/sched/worker.h"\n'},
                            "task/task.h:2: ")

    def test_an_include_of_a_sibling_fails(self):
        self.assert_refuses({"io/reactor.cc": '#  include "annulet/sched/worker.h"\n'},
                            "io may include task, wait")

    def test_a_file_in_a_folder_of_a_module_is_part_of_the_module(self):
        self.assert_refuses({"wait/internal/futex.h": '#include "annulet/task/task.h"\n'},
                            "wait may include no other module")

    def test_only_test_files_may_include_testing(self):
        line = '#include "annulet/testing/model.h"\n'
        self.assert_accepts({"sync/mutex_test.cc": line, "testing/model.h": ""})
        self.assert_accepts({"sync/testing/mutexes.h": line, "testing/model.h": ""})
        self.assert_refuses({"sync/mutex.cc": line, "testing/model.h": ""}, "sync may include")

    def test_a_test_file_keeps_to_its_layer_otherwise(self):
        self.assert_refuses({"sync/mutex_test.cc": '#include "annulet/sched/worker.h"\n'},
                            "sync may include task, wait")

    def test_an_include_without_the_prefix_fails(self):
        self.assert_refuses({"io/file.cc": '#include "io/file.h"\n'}, 'write "annulet/io/file.h"')

    def test_the_outside_workspace_may_have_headers_of_the_same_name(self):
        self.assert_accepts({"examples/consumer/main.cc": '#include "io/file.h"\n'})

    def test_an_include_that_climbs_out_of_its_folder_fails(self):
        self.assert_refuses({"io/file.cc": '#include "../sched/worker.h"\n'}, "is relative")

    def test_an_unknown_module_fails(self):
        self.assert_refuses({"wait/parker.cc": '#include "annulet/wat/parker.h"\n'}, '"wat"')
        self.assert_refuses({"extra/thing.cc": "\n"}, '"extra" is not in the layer table')

    def test_headers_of_libraries_are_not_its_business(self):
        self.assert_accepts({"wait/a.cc": '#include <atomic>\n#include "absl/status/status.h"\n'})

    def test_a_line_of_100_columns_passes_and_one_of_101_fails(self):
        self.assert_accepts({"wait/a.h": "/" * 100 + "\n"})
        self.assert_refuses({"wait/a.h": "/" * 101 + "\n"}, "wait/a.h:1: 101 columns")

    def test_a_file_of_500_lines_passes_and_one_of_501_fails(self):
        self.assert_accepts({"tools/a.py": "\n" * 500})
        self.assert_refuses({"tools/a.py": "\n" * 501}, "501 lines")

    def test_a_function_of_70_lines_passes_and_one_of_71_fails(self):
        for head in ("int f() {\n", "int f(int a,\n      int b) {\n"):
            begin, body = head.count("\n"), "  g();\n"
            self.assert_accepts({"wait/a.cc": head + body * (69 - begin) + "}\n"})
            self.assert_refuses({"wait/a.cc": head + body * (70 - begin) + "}\n"}, "of 71 lines")

    def test_a_long_class_or_namespace_is_no_function(self):
        self.assert_accepts({"wait/a.h": "class A\n    : B {\n" + "  int f();\n" * 90 + "};\n"})
        self.assert_accepts({"wait/a.h": "namespace a {\n" + "int f();\n" * 90 + "}\n"})

    def test_generated_and_hidden_folders_are_not_read(self):
        bad = '#include "annulet/sched/worker.h"\n'
        self.assert_accepts({".deps/io/a.cc": bad, "bazel-out/io/a.cc": bad, "wait/a.h": "\n"})

    def test_a_tree_without_sources_fails(self):
        self.assert_refuses({"docs/a.md": "\n"}, "no source files")


if __name__ == "__main__":
    unittest.main()
