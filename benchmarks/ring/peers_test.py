#!/usr/bin/env python3
"""Tests the arithmetic of peers, what it takes for a line, and when it goes on."""
import os
import sys
import types
import unittest
import unittest.mock

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.getcwd(), "benchmarks", "rig"))
import scripts  # noqa: E402

peers = scripts.load("benchmarks/ring/peers")
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

    def test_only_a_whole_line_is_taken(self):
        self.assertEqual(peers.parse('{"ns_per_event":[1.5],"wait_share":[0]}\n')["ns_per_event"],
                         [1.5])
        for line in ("", "oops", "[]", '{"ns_per_event":[]}', '{"ns_per_event":[1]}',
                     '{"ns_per_event":[1],"wait_share":[]}',
                     '{"p50_ns":[1],"p99_ns":[],"wait_share":[0]}'):
            with self.assertRaises(rig.RigError, msg=line):
                peers.parse(line)

    def test_disturbed_rounds_are_made_up_for_but_not_for_ever(self):
        for shares, rounds in (([0.0], 2), ([0.5], 2 * peers.MAX_EXTENSION)):
            with unittest.mock.patch.object(peers, "run_once",
                                            lambda _command, _case, _arguments, shares=shares:
                                            run([1], shares)):
                runs = peers.measure(case(), {"a": "a"}, ARGUMENTS, "")
            self.assertEqual(len(runs["a"]), rounds)

    def test_a_failing_contestant_is_an_error_and_one_that_declines_is_none(self):
        arguments = ["/bin/sh", "-c"]
        self.assertIsNone(peers.run_once(arguments + ["exit 3"], case(), ARGUMENTS))
        with self.assertRaisesRegex(rig.RigError, "status 1\nwrong sum"):
            peers.run_once(arguments + ["echo wrong sum >&2; exit 1"], case(), ARGUMENTS)

    def test_names_of_cases_are_unique_and_may_be_given_as_patterns(self):
        names = [c.name for c in peers.CASES]
        self.assertEqual(len(names), len(set(names)))
        chosen = peers.rivals.choose_cases("pingpong/spin,diamond/1*/batch1/*", peers.CASES)
        self.assertEqual([c.name for c in chosen], ["diamond/1024/batch1/8B", "pingpong/spin"])


if __name__ == "__main__":
    unittest.main()
