"""A device comes back after days with thousands of records in its outbox, and is killed (SIGKILL) while it catches up: the
server knows at once how it is, and has each record once in the end."""
import sqlite3
import sys
import time
from contextlib import closing
from datetime import datetime
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))

from real_board import RealBoards  # noqa: E402, I001  (it knows where the next are)
from processes import wait_until  # noqa: E402
import cbor  # noqa: E402

AWAY_S = 13 * 86400
RECORDS = 4000
RECORDS_PER_S = 400
AT_ONCE = 500  # records in a batch; each of the three starts may begin with one


def health_record(seq, at_ms):
    """As it lies in the outbox."""
    return cbor.encode({"seq": seq, "health": {"at": at_ms, "cpu_percent": 99}})


class Backlog(RealBoards):
    def setUp(self):
        self.root = self.folder / "root"
        self.agent = self.prepare("cam-7", self.folder, f"[outbox]\ncatch_up_records_per_s = {RECORDS_PER_S}\n",
                                  health_s=1, state_s=1)

    def epoch(self):
        epochs = self.api("GET", "/api/v1/devices/cam-7/telemetry-integrity").json().get("items", [])
        self.assertLessEqual(len(epochs), 1, "the outbox never began anew")
        return epochs[0] if epochs else {"stored": 0, "last_seq": 0}

    def was_away(self):
        """What an agent would have kept in these days, a sample every few minutes."""
        begun_ms = int((time.time() - AWAY_S) * 1000)
        with closing(sqlite3.connect(self.root / "state/outbox.db")) as outbox, outbox:
            next_seq = int(outbox.execute("select value from meta where key = 'next_seq'").fetchone()[0])
            for number in range(RECORDS):
                at_ms = begun_ms + number * (AWAY_S * 1000 // RECORDS)
                outbox.execute("insert into records values (?, ?, ?)",
                               (next_seq + number, at_ms, health_record(next_seq + number, at_ms)))
            outbox.execute("update meta set value = ? where key = 'next_seq'", (str(next_seq + RECORDS),))
        return next_seq + RECORDS - 1

    def health(self):
        """When the shown sample was taken, and what it says."""
        device = self.api("GET", "/api/v1/devices/cam-7").json()
        return datetime.fromisoformat(device["health_at"]).timestamp(), device["health"]

    def test_the_newest_comes_first_and_everything_comes_once(self):
        self.group.start(self.agent)
        wait_until(lambda: self.epoch()["stored"] > 1, 60, "the agent enrols and reports")
        self.agent.kill()
        last_before, last_of_backlog = self.epoch()["last_seq"], self.was_away()

        back_at = time.time()
        self.agent.start()
        wait_until(lambda: self.health()[0] > back_at, 30, "its newest health is known")
        self.assertLess(self.epoch()["last_seq"], last_of_backlog, "the backlog is still on its way")
        self.assertGreater(self.health()[1]["outbox_records"], 0)

        for share in (0.2, 0.5):
            wait_until(lambda: self.epoch()["last_seq"] > last_before + share * RECORDS, 60, "it catches up")
            taken_at, shown = self.health()
            self.assertLess(time.time() - taken_at, 60, "of today, not of the days away")
            self.assertNotEqual(shown["cpu_percent"], 99, "nothing old is shown as the newest")
            self.agent.kill()
            self.agent.start()
        wait_until(lambda: self.epoch()["last_seq"] > last_of_backlog, 120, "it has caught up")

        whole = self.epoch()
        self.assertEqual({name: whole[name] for name in ("lost", "duplicates", "gaps")},
                         {"lost": 0, "duplicates": 0, "gaps": 0}, whole)
        self.assertEqual(whole["stored"], whole["last_seq"])
        self.assertGreaterEqual(time.time() - back_at, (RECORDS - 4 * AT_ONCE) / RECORDS_PER_S, "no faster than its pace")
        taken_at = self.health()[0]
        wait_until(lambda: self.health()[0] > taken_at, 30, "new samples are shown again")
        self.assertIn("clock_offset_ms", self.health()[1])
        self.assertLess(abs(self.health()[1]["clock_offset_ms"]), 2500)
