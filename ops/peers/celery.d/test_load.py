import threading
import time
import unittest

from load import Load, percentile


class Pretended:
    """Ends chains some time after their start, but for those that are named."""

    def __init__(self, seconds=0.001, lose=()):
        self.load = Load(self.start)
        self.seconds, self.lose = seconds, lose
        self.lock = threading.Lock()
        self.started = self.under_way = self.most = 0

    def start(self, chain):
        with self.lock:
            self.started += 1
            self.under_way += 1
            self.most = max(self.most, self.under_way)
        if chain not in self.lose:
            threading.Timer(self.seconds, self.end, [chain]).start()

    def end(self, chain):
        with self.lock:
            self.under_way -= 1
        self.load.ended(chain)


class ALoad(unittest.TestCase):
    def test_keeps_as_many_chains_under_way_as_asked_for_and_counts_all(self):
        pretended = Pretended(seconds=0.05)
        run = pretended.load.run(8, seconds=0.3)
        self.assertEqual(pretended.most, 8)
        self.assertEqual(len(run.durations), pretended.started)
        self.assertEqual(run.lost, 0)
        self.assertGreater(run.rate, 0)

    def test_starts_no_more_chains_than_asked_for_one_at_a_time(self):
        pretended = Pretended()
        run = pretended.load.run(1, chains=5)
        self.assertEqual(len(run.durations), 5)
        self.assertEqual(pretended.most, 1)

    def test_loses_a_chain_that_does_not_end_within_the_patience(self):
        load = Pretended(lose=["2"]).load
        run = load.run(1, chains=5, patience=0.2)
        self.assertEqual((len(run.durations), run.lost), (1, 1))
        load.ended("2")
        self.assertEqual(len(load.run(1, chains=3).durations), 3)

    def test_goes_on_beside_a_lost_chain(self):
        run = Pretended(lose=["2"]).load.run(4, chains=20, patience=0.2)
        self.assertEqual((len(run.durations), run.lost), (19, 1))

    def test_counts_a_chain_that_ends_twice_once(self):
        def start(chain):
            load.ended(chain)
            load.ended(chain)

        load = Load(start)
        self.assertEqual(len(load.run(2, chains=10).durations), 10)

    def test_ends_with_the_error_of_a_start(self):
        def start(_):
            raise OSError("refused")

        load = Load(start)
        for _ in range(2):
            with self.assertRaisesRegex(OSError, "refused"):
                load.run(2, chains=10)

    def test_ends_with_what_its_watch_raises(self):
        def watch():
            raise OSError("the worker is gone")

        load = Load(lambda _: None, watch)
        with self.assertRaisesRegex(OSError, "gone"):
            load.run(1, chains=1)

    def test_starts_nothing_once_it_is_closed(self):
        pretended = Pretended()
        threading.Timer(0.1, pretended.load.close).start()
        with self.assertRaisesRegex(RuntimeError, "closed"):
            pretended.load.run(2, seconds=60)
        started = pretended.started
        time.sleep(0.05)
        self.assertEqual(pretended.started, started)


class APercentile(unittest.TestCase):
    def test_is_by_nearest_rank(self):
        hundred = list(range(100, 0, -1))
        self.assertEqual([percentile(hundred, share) for share in (0.5, 0.99)], [50, 99])
        self.assertEqual(percentile([7], 0.99), 7)
        self.assertIsNone(percentile([], 0.5))


if __name__ == "__main__":
    unittest.main()
