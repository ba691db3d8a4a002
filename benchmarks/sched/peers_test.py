#!/usr/bin/env python3
"""Tests the arithmetic of peers, what it takes for a line, and which cases it chooses."""
import importlib.machinery
import importlib.util
import os
import sys
import types
import unittest
import unittest.mock

# Side by side, in the workspace as in the runfiles; a link must not be followed.
_HERE = os.path.join(os.getcwd(), "benchmarks", "sched")
sys.dont_write_bytecode = True
sys.path.insert(0, _HERE)


def load_script(name):
    loader = importlib.machinery.SourceFileLoader(name, os.path.join(_HERE, name))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader(name, loader))
    loader.exec_module(module)
    return module


peers = load_script("peers")
rig = peers.rig


def case(figures=("ns",)):
    return peers.all_cases.Case("a case", "case", 1, 10, 1, figures, False)


def run(*values):
    return {"figures": {"ns": list(values)}}


class Peers(unittest.TestCase):

    def test_a_run_counts_by_the_median_of_its_repeats(self):
        self.assertEqual(peers.figures_of({"a": {0: run(1, 2, 9), 1: run(4)}}, "ns"),
                         {"a": {0: 2, 1: 4}})

    def test_a_ratio_is_ours_over_the_other_within_a_round(self):
        figures = {"annulet": {0: 2, 1: 3, 2: 9}, "rival": {0: 4, 1: 4}}
        found = peers.ratios_of(figures, {"annulet"})
        self.assertEqual(len(found), 1)
        self.assertEqual((found[0]["left"], found[0]["right"]), ("annulet", "rival"))
        self.assertEqual((found[0]["min"], found[0]["max"], found[0]["rounds"]), (0.5, 0.75, 2))
        self.assertEqual(peers.ratios_of(figures, set()), [])

    def test_there_is_no_ratio_to_nothing(self):
        self.assertEqual(peers.ratios_of({"annulet": {0: 1}, "rival": {0: 0}}, {"annulet"}), [])

    def test_only_a_whole_line_is_taken(self):
        line = '{"figures":{"ns":[1.5],"cpu_ns":[2]}}\n'
        self.assertEqual(peers.parse(line, case(("ns", "cpu_ns")))["figures"]["ns"], [1.5])
        for line in ("", "oops", "[]", '{"figures":{}}', '{"figures":{"ns":[]}}', '{"ns":[1]}'):
            with self.assertRaises(rig.RigError, msg=line):
                peers.parse(line, case())

    def test_a_contestant_that_cannot_do_a_case_is_not_asked_again(self):
        asked = []

        def run_once(command, _case):
            asked.append(command)
            return None if command == "no" else run(1)

        with unittest.mock.patch.object(peers, "run_once", run_once):
            runs = peers.measure(case(), {"can": "yes", "cannot": "no"}, 2, "")
        self.assertEqual(runs, {"can": {0: run(1), 1: run(1)}})
        self.assertEqual(asked, ["yes", "no", "yes"])

    def test_the_order_of_the_contestants_rotates(self):
        asked = []

        def run_once(command, _case):
            asked.append(command)
            return run(1)

        with unittest.mock.patch.object(peers, "run_once", run_once):
            peers.measure(case(), {"a": "a", "b": "b", "c": "c"}, 3, "")
        self.assertEqual("".join(asked), "abcbcacab")

    def test_names_of_cases_are_unique_and_may_be_given_as_patterns(self):
        names = [c.name for c in peers.all_cases.CASES]
        self.assertEqual(len(names), len(set(names)))
        self.assertEqual([c.name for c in peers.choose_cases("yield/*,fork_join/fib25/?w")],
                         ["fork_join/fib25/1w", "fork_join/fib25/2w", "yield/1M/1w"])
        self.assertNotIn("memory/10M/2w", [c.name for c in peers.choose_cases("")])
        self.assertEqual([c.name for c in peers.choose_cases("memory/10M/*")], ["memory/10M/2w"])
        with self.assertRaises(rig.RigError):
            peers.choose_cases("nothing")

    def test_quick_and_tiny_do_less(self):
        whole = peers.choose_cases("spawn_join/10k/1w")[0]
        for arguments, count, repeats in (((False, False), 10_000, 51), ((True, False), 10_000, 5),
                                          ((False, True), 20, 1)):
            sized = peers.sized(whole, types.SimpleNamespace(quick=arguments[0], tiny=arguments[1]))
            self.assertEqual((sized.count, sized.repeats), (count, repeats))


if __name__ == "__main__":
    unittest.main()
