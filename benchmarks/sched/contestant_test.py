#!/usr/bin/env python3
"""Runs each case once, tiny, as peers does: its line of JSON, and how it refuses what it cannot do.

The rivals are built only where their packages are; `peers --tiny` runs theirs.
"""
import json
import os
import subprocess
import sys
import unittest

FOLDER = os.path.join(os.getcwd(), "benchmarks", "sched")
sys.dont_write_bytecode = True
sys.path.insert(0, FOLDER)
import cases  # noqa: E402

OF_SERIAL = {"fork_join", "parallel_for", "parallel_reduce", "parallel_sort"}


def run(program, *flags):
    return subprocess.run([os.path.join(FOLDER, program), *flags],
                          capture_output=True, text=True, timeout=60)


def flags_of(case):
    return (f"--case={case.case}", f"--workers={case.workers}", f"--count={case.count}",
            f"--repeats={case.repeats}")


class Contestant(unittest.TestCase):

    def check_every_case(self, program, can_do):
        for case in map(cases.tiny, cases.CASES):
            with self.subTest(program=program, case=case.name):
                ran = run(program, *flags_of(case))
                if not can_do(case.case):
                    self.assertEqual((ran.returncode, ran.stdout, ran.stderr.count("\n")),
                                     (3, "", 1))
                    continue
                self.assertEqual((ran.returncode, ran.stderr, ran.stdout.count("\n")), (0, "", 1))
                line = json.loads(ran.stdout)
                self.assertEqual((line["contestant"], line["case"], line["workers"]),
                                 (program, case.case, case.workers))
                self.assertEqual({key: len(values) for key, values in line["figures"].items()},
                                 {key: case.repeats for key in case.figures})

    def test_serial_does_what_needs_no_scheduler(self):
        self.check_every_case("serial", lambda name: name in OF_SERIAL)

    def test_annulet_does_every_case_that_it_has_an_interface_for(self):
        self.check_every_case("annulet", lambda name: True)

    def test_bad_flags_are_status_2_and_one_line(self):
        for flag in ("--workers=0", "--count=0", "--repeats=0", "more"):
            ran = run("serial", "--case=fork_join", flag)
            self.assertEqual((ran.returncode, ran.stdout, ran.stderr.count("\n")), (2, "", 1), flag)


if __name__ == "__main__":
    unittest.main()
