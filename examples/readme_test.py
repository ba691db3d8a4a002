#!/usr/bin/env python3
"""README's program is examples/readme.cc, to the letter, and prints what README says."""
import pathlib
import re
import subprocess
import sys
import unittest

README, SOURCE, PROGRAM = (pathlib.Path(path) for path in sys.argv[1:4])


class ReadmeTest(unittest.TestCase):
    def test_the_program_shown_is_the_one_that_is_built(self):
        shown = re.search(r"```cpp\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)[1]
        self.assertEqual(shown, SOURCE.read_text(encoding="utf-8"))

    def test_the_program_runs_and_adds(self):
        ran = subprocess.run([PROGRAM.absolute()], capture_output=True, text=True, timeout=30)
        self.assertEqual(ran.stdout, "14\n", ran.stderr)
        self.assertEqual(ran.returncode, 0, ran.stderr)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
