#!/usr/bin/env python3
"""Tests the arithmetic of peers and how rig starts, checks and ends servers."""
import os
import signal
import sys
import unittest

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.getcwd(), "benchmarks", "rig"))
import scripts  # noqa: E402

peers = scripts.load("benchmarks/echo/peers")
rig = peers.rig


def rounds(costs, wait_share=0.0):
    return {n: {"server_ns_per_request": cost, "wait_share": wait_share}
            for n, cost in enumerate(costs)}


def shell(text):
    return ["/bin/sh", "-c", text]


class Peers(unittest.TestCase):

    def test_a_ratio_pairs_rounds_and_ignores_those_that_one_side_lacks(self):
        right = rounds([100, 200, 400])
        del right[2]
        ratio = peers.paired_ratio(rounds([110, 180, 9999]), right)
        self.assertEqual((ratio["min"], ratio["max"], ratio["rounds"]), (0.9, 1.1, 2))
        self.assertAlmostEqual(ratio["median"], 1.0)
        self.assertIsNone(peers.paired_ratio(rounds([1]), {}))

    def test_runs_that_waited_for_their_core_are_dropped(self):
        self.assertEqual(peers.quiet({"a": rounds([1, 2], wait_share=0.021)}, 0.02), {"a": {}})
        self.assertEqual(len(peers.quiet({"a": rounds([1, 2], wait_share=0.02)}, 0.02)["a"]), 2)

    def test_the_cheaper_bare_server_is_the_one_with_the_lower_median(self):
        found = peers.ratios_of({"annulet io_uring": rounds([12, 12]),
                                 "bare io_uring": rounds([10, 10]), "bare epoll": rounds([8, 8])})
        self.assertEqual(found[0]["right"], "bare epoll, the cheaper bare one")
        self.assertEqual(found[0]["median"], 1.5)


class Rig(unittest.TestCase):

    def test_a_server_is_ended_when_its_block_is_left_by_an_error(self):
        with self.assertRaises(ValueError):
            with rig.running(shell("echo listening on 1.2.3.4:5; exec sleep 60")) as (_, process):
                raise ValueError
        self.assertEqual(process.returncode, -signal.SIGKILL)

    def test_the_address_is_read_from_the_first_line(self):
        server = shell("trap 'exit 0' TERM;"
                       " echo 'listening on 1.2.3.4:5 (backend: epoll, 1 worker)';"
                       " while :; do sleep 0.05; done")
        with rig.running(server, backend="epoll") as (address, _):
            self.assertEqual(address, "1.2.3.4:5")

    def test_a_fallback_to_another_backend_is_not_measured(self):
        server = shell("echo 'listening on 1.2.3.4:5 (backend: epoll, 1 worker)'; exec sleep 60")
        with self.assertRaisesRegex(rig.RigError, "wanted backend io_uring"):
            with rig.running(server, backend="io_uring"):
                self.fail("must not get here")

    def test_a_server_that_ends_badly_is_an_error(self):
        with self.assertRaisesRegex(rig.RigError, "ended with status 3"):
            with rig.running(shell("trap 'exit 3' TERM; echo listening on 1.2.3.4:5;"
                                   " while :; do sleep 0.05; done")):
                pass
        with self.assertRaisesRegex(rig.RigError, "no 'listening on ADDRESS'"):
            with rig.running(shell("echo sorry")):
                pass


if __name__ == "__main__":
    unittest.main()
