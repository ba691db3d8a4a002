#!/usr/bin/env python3
"""Runs a contestant as peers does: its one line of JSON, and how it refuses what it cannot do."""
import json
import os
import subprocess
import unittest

FOLDER = os.path.join(os.getcwd(), "benchmarks", "ring")
CPU = min(os.sched_getaffinity(0))


def run(*flags, program="raw_spsc"):
    return subprocess.run([os.path.join(FOLDER, program), "--events=1000", "--repeats=3",
                           f"--cpus={CPU}", *flags],
                          capture_output=True, text=True, timeout=60)


class Contestant(unittest.TestCase):

    def test_each_topology_prints_one_line_of_json(self):
        for topology in ("unicast", "pipeline", "multicast", "diamond", "pingpong"):
            ran = run(f"--topology={topology}", "--batch=10", "--event_bytes=64")
            self.assertEqual((ran.returncode, ran.stderr, ran.stdout.count("\n")), (0, "", 1))
            line = json.loads(ran.stdout)
            self.assertEqual((line["contestant"], line["topology"]), ("raw_spsc", topology))
            figures = ["p50_ns", "p99_ns"] if topology == "pingpong" else ["ns_per_event"]
            for key in figures + ["wait_share"]:
                self.assertEqual(len(line[key]), 3, key)

    def test_what_it_cannot_do_is_status_3_and_one_line(self):
        for flag in ("--topology=producers", "--wait=block"):
            ran = run(flag)
            self.assertEqual((ran.returncode, ran.stdout, ran.stderr.count("\n")), (3, "", 1))

    def test_ours_print_their_names_and_dense_declines_several_producers(self):
        for name, program in (("annulet", "annulet_ring"), ("annulet_dense", "annulet_dense")):
            ran = run("--topology=diamond", "--wait=block", program=program)
            self.assertEqual((ran.returncode, ran.stderr), (0, ""))
            self.assertEqual(json.loads(ran.stdout)["contestant"], name)
        ran = run("--topology=producers", program="annulet_dense")
        self.assertEqual((ran.returncode, ran.stdout, ran.stderr.count("\n")), (3, "", 1))

    def test_bad_flags_are_status_2_and_one_line(self):
        for flag in ("--ring=1000", "--topology=star", "--wait=hope", "--cpus=x", "--batch=0"):
            ran = run(flag)
            self.assertEqual((ran.returncode, ran.stdout, ran.stderr.count("\n")), (2, "", 1), flag)


if __name__ == "__main__":
    unittest.main()
