"""Boards as people have them: a clock at 1970, one that leaps, a full disk at start, another name in the configuration, an
agent that is started twice. Real agents; their clock is libfaketime's, as a file tells it."""
import os
import subprocess
import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))

from real_board import RealBoards  # noqa: E402, I001  (it knows where the next are)
from running_argosy import ROOT  # noqa: E402
from processes import wait_until  # noqa: E402
from services import run  # noqa: E402

MODEL = ROOT / "examples/digits/models/digits-1.0-fp32.onnx"
POLICY = '{"waves": [{"share": 1.0}], "probation": {"duration_s": 1, "min_observations": 0}, "guards": [], "gate": {"min_executed": 1, "success_share": 0.9, "bake_s": 0}}'
SITE = '[labels]\nsite = "{}"\n'
EACH_SECOND = {"window_s": 1, "health_s": 1, "state_s": 1, "poll_s": 1}
AT_1970 = "@1970-01-01 00:00:10"
RIGHT = "+0"


def fake_clock():
    found = sorted(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"))
    if not found:
        raise FileNotFoundError("libfaketime is missing: run scripts/setup")
    return found[0]


class OddBoard(RealBoards):
    def board(self, name, clock=None):
        """Its agent, not started; with `clock` it sees the time that this says."""
        folder = self.folder / name
        agent = self.prepare(name, folder, SITE.format("berlin"), **EACH_SECOND)
        if not clock:
            return agent
        self.set_clock(name, clock)
        return self.agent_in(folder, {"LD_PRELOAD": str(fake_clock()), "FAKETIME_TIMESTAMP_FILE": str(folder / "clock"),
                                      "FAKETIME_CACHE_DURATION": "1", "FAKETIME_DONT_FAKE_MONOTONIC": "1"})

    def set_clock(self, name, clock):
        """At once: what reads it while it is written would see half of it."""
        file = self.folder / name / "clock"
        file.with_suffix(".new").write_text(clock)
        file.with_suffix(".new").replace(file)

    def device(self, name):
        return self.api("GET", f"/api/v1/devices/{name}").json()

    def wait_online(self, name):
        wait_until(lambda: self.device(name).get("presence") == "online", 60, f"{name} is online")

    def wait_away(self, name):
        wait_until(lambda: self.device(name)["presence"] != "online", 60, f"{name} is away")

    def conditions(self, name):
        return {one["kind"]: one["message"] for one in self.device(name)["conditions"]}

    def stored(self, name):
        return self.installation.count(f"select count(*) from health_samples where device_id = '{name}'")

    def wait_for_more(self, name, records=3):
        wanted = self.stored(name) + records
        wait_until(lambda: self.stored(name) >= wanted, 60, f"telemetry of {name} goes on")

    def assert_in_time(self, name):
        """By the device's own stamps: the server had none to correct."""
        corrected = f"select count(*) from health_samples where device_id = '{name}' and device_at is not null"
        self.assertEqual(self.installation.count(corrected), 0)

    # The clock ----------------------------------------------------------------------------------------------------------
    def test_a_board_at_1970_enrols_reports_and_starts_again(self):
        agent = self.group.start(self.board("seventy", AT_1970))
        self.wait_online("seventy")
        self.wait_for_more("seventy")
        wait_until(lambda: "clock_wrong" in self.conditions("seventy"), 30, "it says so")
        self.assertIn("1970-01-01", self.conditions("seventy")["clock_wrong"])
        agent.stop()
        self.wait_away("seventy")
        agent.start()
        self.wait_online("seventy")
        self.set_clock("seventy", RIGHT)
        wait_until(lambda: not self.conditions("seventy"), 30, "once it is right that is over")
        wait_until(lambda: "MQTT: connected" in agent.log_text(), 60, "MQTT follows")
        self.wait_for_more("seventy")
        self.assert_in_time("seventy")
        agent.stop()

    def test_a_clock_that_leaps_and_comes_back_harms_nothing(self):
        agent = self.group.start(self.board("leap", RIGHT))
        self.wait_for_more("leap")
        certificate = (self.folder / "leap/root/identity/device.crt").read_text()
        for leap in ("+100d", "-2h"):
            self.set_clock("leap", leap)
            wait_until(lambda: "clock_wrong" in self.conditions("leap"), 30, f"it notices {leap}")
            self.wait_for_more("leap")
            self.set_clock("leap", RIGHT)
            wait_until(lambda: "clock_wrong" not in self.conditions("leap"), 30, f"{leap} is over")
            self.wait_for_more("leap")
        self.assert_in_time("leap")
        self.assertEqual((self.folder / "leap/root/identity/device.crt").read_text(), certificate)
        epochs = self.api("GET", "/api/v1/devices/leap/telemetry-integrity").json()["items"]
        self.assertEqual([(epoch["lost"], epoch["forks"]) for epoch in epochs], [(0, 0)])
        agent.stop()

    def test_a_board_that_begins_100_days_ahead_is_told_the_time(self):
        agent = self.group.start(self.board("ahead", "+100d"))
        self.wait_for_more("ahead")
        self.assert_in_time("ahead")
        agent.stop()

    # One agent a root ---------------------------------------------------------------------------------------------------
    def test_a_second_agent_touches_nothing(self):
        agent = self.group.start(self.board("once"))
        self.wait_online("once")
        socket = self.folder / "once/run/observe.sock"
        wait_until(socket.exists, 10, "its socket")
        before = socket.stat().st_ino
        second = self.try_to_run("once")
        self.assertEqual(second.returncode, 3, second.stderr)
        self.assertIn(str(self.folder / "once/root"), second.stderr)
        self.assertIn(f"process {agent.pid}", second.stderr)

        self.board("other")
        self.configure("other", self.folder / "other", run=self.folder / "once/run", **EACH_SECOND)
        neighbour = self.try_to_run("other")
        self.assertEqual(neighbour.returncode, 3, neighbour.stderr)
        self.assertIn(str(self.folder / "once/run"), neighbour.stderr)
        self.assertEqual(socket.stat().st_ino, before)
        checked = subprocess.run([*self.agent_command(self.folder / "once"), "--check-config"], capture_output=True, text=True, timeout=30)
        self.assertEqual(checked.returncode, 0, checked.stderr)

        agent.kill()
        agent.start()
        self.wait_for_more("once")
        agent.stop()

    def try_to_run(self, name):
        return subprocess.run(self.agent_command(self.folder / name), capture_output=True, text=True, timeout=30)

    # A full disk --------------------------------------------------------------------------------------------------------
    @unittest.skipUnless(os.geteuid() == 0, "only root may mount a small disk")
    def test_a_full_disk_at_start(self):
        agent = self.board("full")
        root = self.folder / "full/root"
        run(["mount", "-t", "tmpfs", "-o", "size=24m", "tmpfs", root])
        self.addCleanup(run, ["umount", "--lazy", root])
        self.group.start(agent)
        self.wait_online("full")
        (self.folder / "policy.json").write_text(POLICY)
        self.argosy("release", "publish", "digits@1.0", "--variant", MODEL)
        self.argosy("rollout", "create", "digits@1.0", "--policy", self.folder / "policy.json", "--filter", 'id = "full"', "--start")
        wait_until(lambda: self.serves("full") == "1.0", 60, "it serves")
        agent.stop()
        self.wait_away("full")
        self.fill(root / "ballast")
        agent.start()
        self.wait_online("full")
        wait_until(lambda: "disk_full" in self.conditions("full"), 30, "it says so")
        self.assertEqual(self.device("full")["health"]["disk_free_mb"], 0)
        self.assertEqual(self.serves("full"), "1.0")
        told = self.stored("full")
        wait_until(lambda: self.device("full")["health"]["outbox_records"] >= 3, 30, "telemetry waits in memory")
        self.assertEqual(self.stored("full"), told)
        (root / "ballast").unlink()
        wait_until(lambda: self.stored("full") >= told + 4, 60, "what waited is sent")
        wait_until(lambda: not self.conditions("full"), 30, "it is over")
        gaps = self.installation.count("select count(*) from (select at - lag(at) over (order by at) as gap from health_samples "
                                       "where device_id = 'full') as s where gap > interval '15 s'")
        self.assertLessEqual(gaps, 1, "what memory held is lost")  # while it was away
        agent.stop()

    @unittest.skipUnless(os.geteuid() == 0, "only root may mount a small disk")
    def test_a_first_start_without_room_waits_and_enrols(self):
        agent = self.board("roomless")
        root = self.folder / "roomless/root"
        run(["mount", "-t", "tmpfs", "-o", "size=24m,nr_inodes=200", "tmpfs", root])
        self.addCleanup(run, ["umount", "--lazy", root])
        self.fill(root / "ballast")
        files = self.use_up_names(root)
        self.group.start(agent)
        wait_until(lambda: f"waiting for room in {root}" in agent.log_text(), 30, "it says what it waits for")
        for file in files:
            file.unlink()
        wait_until(lambda: "waiting for room for this device's key" in agent.log_text(), 90, "it goes on as far as it can")
        self.assertEqual(list((root / "identity").iterdir()), [], "no key, and no half of one")
        self.assertEqual(self.installation.count("select count(*) from devices where id = 'roomless'"), 0)
        (root / "ballast").unlink()
        wait_until(lambda: self.device("roomless").get("presence") == "online", 120, "it enrols by itself")
        self.assertEqual(agent.log_text().count("argosy-agent "), 1, "it was not started again")
        agent.stop()

    @staticmethod
    def use_up_names(folder):
        """Files without content, until the disk takes no more of them."""
        files = []
        try:
            while True:
                file = folder / f"name-{len(files)}"
                file.touch()
                files.append(file)
        except OSError:
            return files

    def serves(self, name):
        return next((model["version"] for model in self.device(name)["models"]), None)

    @staticmethod
    def fill(file):
        ballast = os.open(file, os.O_WRONLY | os.O_CREAT)
        try:
            while True:
                os.write(ballast, bytes(4096))
        except OSError:
            os.close(ballast)

    # Identity -----------------------------------------------------------------------------------------------------------
    def test_the_certificate_names_the_device_and_an_edited_file_suggests(self):
        agent = self.group.start(self.board("named"))
        self.wait_online("named")
        agent.stop()
        self.wait_away("named")
        self.configure("renamed", self.folder / "named", SITE.format("oslo"), hardware_class="cpu-int8", **EACH_SECOND)
        agent.start()
        self.wait_online("named")
        wait_until(lambda: "name_differs" in self.conditions("named"), 30, "it says so")
        self.assertIn("'renamed'", self.conditions("named")["name_differs"])
        self.assertEqual(self.installation.count("select count(*) from devices where id = 'renamed'"), 0)

        wait_until(lambda: self.device("named")["suggested"], 30, "the edits are suggested")
        device = self.device("named")
        self.assertEqual(device["suggested"], {"hardware_class": "cpu-int8", "labels": {"site": "oslo"}})
        self.assertEqual((device["hardware_class"], device["labels"]), ("cpu-fp32", {"site": "berlin"}))
        self.argosy("device", "accept-suggested", "named")
        device = self.device("named")
        self.assertEqual((device["hardware_class"], device["labels"]), ("cpu-int8", {"site": "oslo"}))
        self.assertIsNone(device["suggested"])
        agent.stop()


if __name__ == "__main__":
    unittest.main()
