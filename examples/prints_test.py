#!/usr/bin/env python3
"""An example ends well and prints one line: prints_test.py PROGRAM WORD..."""
import pathlib
import subprocess
import sys

program = pathlib.Path(sys.argv[1]).absolute()
ran = subprocess.run([program], capture_output=True, text=True, timeout=30)
if ran.returncode != 0 or ran.stdout != " ".join(sys.argv[2:]) + "\n":
    sys.exit(f"status {ran.returncode}, printed {ran.stdout!r}\n{ran.stderr}")
