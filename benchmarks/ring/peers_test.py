#!/usr/bin/env python3
"""Tests the arithmetic of peers, what it takes for a line, and which contestants it leaves out."""
import contextlib
import importlib.machinery
import importlib.util
import io
import os
import sys
import types
import unittest
import unittest.mock

# Side by side, in the workspace as in the runfiles; a link must not be followed.
_HERE = os.path.join(os.getcwd(), "benchmarks", "ring")
sys.dont_write_bytecode = True
sys.path.insert(0, _HERE)


def load_script(name):
    loader = importlib.machinery.SourceFileLoader(name, os.path.join(_HERE, name))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader(name, loader))
    loader.exec_module(module)
    return module


peers = load_script("peers")
rivals = peers.contestants.rivals
rig = peers.rig
ARGUMENTS = types.SimpleNamespace(rounds=2, repeats=1, cpus="0,1", max_wait=0.02, quick=False)


def run(values, shares=None, key="ns_per_event"):
    return {key: values, "wait_share": shares or [0.0] * len(values)}


def case(threads=2):
    return peers.Case("a case", [], 1, threads)


class Peers(unittest.TestCase):

    def test_a_run_counts_by_the_median_of_its_undisturbed_repeats(self):
        self.assertEqual(peers.figure_of(run([1, 2, 9]), "ns_per_event", 0.02), 2)
        self.assertEqual(peers.figure_of(run([1, 2, 9], [0, 0, 0.5]), "ns_per_event", 0.02), 1.5)
        self.assertIsNone(peers.figure_of(run([1], [0.021]), "ns_per_event", 0.02))
        self.assertEqual(peers.figure_of(run([1], [0.9]), "ns_per_event", None), 1)

    def test_rounds_in_which_every_repeat_waited_are_dropped(self):
        runs = {"a": {0: run([1]), 1: run([2], [0.5])}, "b": {0: run([4], [0.02])}}
        self.assertEqual(peers.figures_of(runs, "ns_per_event", 0.02), {"a": {0: 1}, "b": {0: 4}})

    def test_waiting_is_the_rule_with_more_threads_than_cpus(self):
        self.assertEqual(peers.max_wait_of(case(threads=2), ARGUMENTS), 0.02)
        self.assertIsNone(peers.max_wait_of(case(threads=4), ARGUMENTS))

    def test_more_rounds_are_wanted_until_each_contestant_has_enough_quiet_ones(self):
        runs = {"a": {0: run([1]), 1: run([1])}, "b": {0: run([1]), 1: run([1], [0.5])}}
        self.assertFalse(peers.enough(runs, case(), ARGUMENTS))
        self.assertTrue(peers.enough(runs, case(threads=4), ARGUMENTS))
        runs["b"][2] = run([1])
        self.assertTrue(peers.enough(runs, case(), ARGUMENTS))

    def test_a_ratio_is_ours_over_the_other_within_a_round(self):
        figures = {"annulet": {0: 2, 1: 3, 2: 9}, "rival": {0: 4, 1: 4}}
        found = peers.ratios_of(figures, {"annulet"})
        self.assertEqual(len(found), 1)
        self.assertEqual((found[0]["left"], found[0]["right"]), ("annulet", "rival"))
        self.assertEqual((found[0]["min"], found[0]["max"], found[0]["rounds"]), (0.5, 0.75, 2))
        self.assertEqual(peers.ratios_of(figures, set()), [])
        self.assertEqual(peers.ratios_of({"annulet": {0: 1}, "rival": {}}, {"annulet"}), [])

    def test_only_a_whole_line_is_taken(self):
        self.assertEqual(peers.parse('{"ns_per_event":[1.5],"wait_share":[0]}\n')["ns_per_event"],
                         [1.5])
        for line in ("", "oops", "[]", '{"ns_per_event":[]}', '{"ns_per_event":[1]}',
                     '{"ns_per_event":[1],"wait_share":[]}',
                     '{"p50_ns":[1],"p99_ns":[],"wait_share":[0]}'):
            with self.assertRaises(rig.RigError, msg=line):
                peers.parse(line)

    def test_a_contestant_that_cannot_do_a_case_is_not_asked_again(self):
        asked = []

        def run_once(command, _case, _arguments):
            asked.append(command)
            return None if command == "no" else run([1])

        with unittest.mock.patch.object(peers, "run_once", run_once):
            runs = peers.measure(case(), {"can": "yes", "cannot": "no"}, ARGUMENTS, "")
        self.assertEqual(runs, {"can": {0: run([1]), 1: run([1])}})
        self.assertEqual(asked, ["yes", "no", "yes"])

    def test_a_failing_contestant_is_an_error_and_one_that_declines_is_none(self):
        arguments = ["/bin/sh", "-c"]
        self.assertIsNone(peers.run_once(arguments + ["exit 3"], case(), ARGUMENTS))
        with self.assertRaisesRegex(rig.RigError, "status 1\nwrong sum"):
            peers.run_once(arguments + ["echo wrong sum >&2; exit 1"], case(), ARGUMENTS)

    def test_names_of_cases_are_unique_and_may_be_given_as_patterns(self):
        names = [c.name for c in peers.CASES]
        self.assertEqual(len(names), len(set(names)))
        self.assertEqual([c.name for c in peers.choose_cases("pingpong/spin,diamond/1*/batch1/*")],
                         ["diamond/1024/batch1/8B", "pingpong/spin"])
        with self.assertRaises(rig.RigError):
            peers.choose_cases("nothing")


class Contestants(unittest.TestCase):

    TABLE = [rivals.Contestant("a", "//a"), rivals.Contestant("b", "//b", [], ["/b.h"])]

    def test_one_whose_package_is_missing_is_left_out_with_a_line(self):
        err = io.StringIO()
        with contextlib.redirect_stderr(err):
            chosen = rivals.choose(None, self.TABLE, lambda path: False)
        self.assertEqual([c.name for c in chosen], ["a"])
        self.assertRegex(err.getvalue(), "^b is left out: /b.h is missing .*\n$")

    def test_all_are_chosen_where_all_is_installed_and_unknown_names_are_refused(self):
        self.assertEqual(len(rivals.choose(None, self.TABLE, lambda path: True)), 2)
        self.assertEqual(len(rivals.choose("b", self.TABLE, lambda path: True)), 1)
        with self.assertRaisesRegex(rig.RigError, "no contestant c"):
            rivals.choose("a,c", self.TABLE, lambda path: True)


if __name__ == "__main__":
    unittest.main()
