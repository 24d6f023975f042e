"""A device's disk is put back from an older image, and then its card is copied and both live on: the server has every record
once, says what happened, and names the device that two agents speak for."""
import shutil
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))

from real_board import RealBoards  # noqa: E402, I001  (it knows where the next are)
from processes import wait_until  # noqa: E402


class RestoredDisk(RealBoards):
    def setUp(self):
        self.claim = self.folder / "claim"
        self.claim.write_text(self.make_claim())
        self.root = self.folder / "root"
        self.root.mkdir()

    def agent(self, name, root):
        folder = self.folder / name
        (folder / "run").mkdir(parents=True)
        self.configure("cam-7", folder, root=root, claim=self.claim, health_s=1, state_s=1)
        return self.agent_in(folder)

    def epochs(self):
        return self.api("GET", "/api/v1/devices/cam-7/telemetry-integrity").json().get("items", [])

    def stored(self):
        return sum(epoch["stored"] for epoch in self.epochs())

    def wait_for_more(self, records, what):
        wanted = self.stored() + records
        wait_until(lambda: self.stored() >= wanted, 60, what)

    def count(self, sql):
        return self.installation.count(sql)

    def assert_whole(self):
        for epoch in self.epochs():
            for name in ("lost", "duplicates", "gaps", "refused", "unread"):
                self.assertEqual(epoch[name], 0, (name, self.epochs()))
        self.assertEqual(self.count("select count(*) - count(distinct (at, sample)) from health_samples"), 0, "stored twice")

    def test_every_record_is_stored_once_and_a_copied_card_is_named(self):
        agent = self.group.start(self.agent("agent", self.root))
        self.wait_for_more(3, "the agent enrols and reports")
        agent.kill()
        image = shutil.copytree(self.root, self.folder / "image")
        agent.start()
        self.wait_for_more(6, "it goes on")
        agent.kill()

        shutil.rmtree(self.root)
        shutil.copytree(image, self.root)
        agent.start()
        wait_until(lambda: len(self.epochs()) == 2 and self.epochs()[1]["stored"] > 3, 60, "the restored disk has an epoch of its own")
        self.assertEqual([epoch["forks"] for epoch in self.epochs()], [1, 0])
        self.assert_whole()
        events = "select count(*) from events where device_id = 'cam-7' and kind = '{}'"
        self.assertEqual(self.count(events.format("telemetry.forked")), 1)
        agent.kill()
        agent.start()
        self.wait_for_more(2, "a restart goes on")
        self.assertEqual(len(self.epochs()), 2)

        agent.kill()
        copy = shutil.copytree(self.root, self.folder / "copy")
        agent.start()
        self.group.start(self.agent("twin", copy))
        wait_until(lambda: self.count(events.format("device.identity_shared")) == 1, 120, "two agents with one identity are named")
        self.wait_for_more(6, "both go on")
        self.assert_whole()
