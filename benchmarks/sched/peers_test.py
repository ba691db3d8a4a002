#!/usr/bin/env python3
"""Tests the arithmetic of peers, what it takes for a line, and which cases it chooses."""
import os
import sys
import types
import unittest
import unittest.mock

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.getcwd(), "benchmarks", "rig"))
import scripts  # noqa: E402

peers = scripts.load("benchmarks/sched/peers")
rig = peers.rig


def case(figures=("ns",)):
    return peers.all_cases.Case("a case", "case", 1, 10, 1, figures, False)


def run(*values):
    return {"figures": {"ns": list(values)}}


class Peers(unittest.TestCase):

    def test_a_run_counts_by_the_median_of_its_repeats(self):
        self.assertEqual(peers.figures_of({"a": {0: run(1, 2, 9), 1: run(4)}}, "ns"),
                         {"a": {0: 2, 1: 4}})

    def test_only_a_whole_line_is_taken(self):
        line = '{"figures":{"ns":[1.5],"cpu_ns":[2]}}\n'
        self.assertEqual(peers.parse(line, case(("ns", "cpu_ns")))["figures"]["ns"], [1.5])
        for line in ("", "oops", "[]", '{"figures":{}}', '{"figures":{"ns":[]}}', '{"ns":[1]}'):
            with self.assertRaises(rig.RigError, msg=line):
                peers.parse(line, case())

    def test_there_are_as_many_rounds_as_asked_for(self):
        with unittest.mock.patch.object(peers, "run_once", lambda command, _case: run(1)):
            runs = peers.measure(case(), {"a": "a"}, 3, "")
        self.assertEqual(runs, {"a": {0: run(1), 1: run(1), 2: run(1)}})

    def test_names_of_cases_are_unique_and_may_be_given_as_patterns(self):
        names = [c.name for c in peers.all_cases.CASES]
        self.assertEqual(len(names), len(set(names)))
        self.assertEqual([c.name for c in peers.choose_cases("yield/*,fork_join/fib25/?w")],
                         ["fork_join/fib25/1w", "fork_join/fib25/2w", "yield/1M/1w"])
        self.assertNotIn("memory/10M/2w", [c.name for c in peers.choose_cases("")])
        self.assertEqual([c.name for c in peers.choose_cases("memory/10M/*")], ["memory/10M/2w"])

    def test_quick_and_tiny_do_less(self):
        whole = peers.choose_cases("spawn_join/10k/1w")[0]
        for arguments, count, repeats in (((False, False), 10_000, 51), ((True, False), 10_000, 5),
                                          ((False, True), 20, 1)):
            sized = peers.sized(whole, types.SimpleNamespace(quick=arguments[0], tiny=arguments[1]))
            self.assertEqual((sized.count, sized.repeats), (count, repeats))


if __name__ == "__main__":
    unittest.main()
