#!/usr/bin/env python3
"""Tests which contestants a comparison leaves out, its rounds, and its ratios."""
import contextlib
import io
import os
import sys
import unittest

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.getcwd(), "benchmarks", "rig"))
import rivals  # noqa: E402


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
        with self.assertRaisesRegex(rivals.rig.RigError, "no contestant c"):
            rivals.choose("a,c", self.TABLE, lambda path: True)


class Rounds(unittest.TestCase):

    def asked(self, names, rounds):
        """Whom measure() asks, in order, and what it returns. Whoever is called "no" cannot."""
        asked = []

        def run_once(name, number):
            asked.append(name)
            return None if name == "no" else number

        runs = rivals.measure(names, lambda number, _: number < rounds, run_once)
        return asked, runs

    def test_a_contestant_that_cannot_do_a_case_is_not_asked_again(self):
        self.assertEqual(self.asked(["yes", "no"], 2),
                         (["yes", "no", "yes"], {"yes": {0: 0, 1: 1}}))

    def test_the_order_of_the_contestants_rotates(self):
        self.assertEqual("".join(self.asked(["a", "b", "c"], 3)[0]), "abcbcacab")

    def test_cases_are_chosen_by_patterns_and_unknown_ones_are_refused(self):
        cases = [rivals.Contestant(name, "") for name in ("a/1", "a/2", "b/1")]
        self.assertEqual([c.name for c in rivals.choose_cases("b/?,*/2", cases)], ["a/2", "b/1"])
        with self.assertRaisesRegex(rivals.rig.RigError, "no case c"):
            rivals.choose_cases("c", cases)


class Ratios(unittest.TestCase):

    def test_a_ratio_is_ours_over_the_other_within_a_round(self):
        figures = {"annulet": {0: 2, 1: 3, 2: 9}, "rival": {0: 4, 1: 4}}
        found = rivals.ratios_of(figures, {"annulet"})
        self.assertEqual(len(found), 1)
        self.assertEqual((found[0]["left"], found[0]["right"]), ("annulet", "rival"))
        self.assertEqual((found[0]["min"], found[0]["max"], found[0]["rounds"]), (0.5, 0.75, 2))
        self.assertEqual(rivals.ratios_of(figures, set()), [])

    def test_there_is_no_ratio_to_nothing(self):
        for other in ({}, {0: 0}):
            figures = {"annulet": {0: 1}, "rival": other}
            self.assertEqual(rivals.ratios_of(figures, {"annulet"}), [])


if __name__ == "__main__":
    unittest.main()
