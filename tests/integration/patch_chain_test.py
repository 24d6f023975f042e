"""Two patches made ahead of a rollout lead real devices over a release that they never run."""
import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))

from running_argosy import RunningArgosy  # noqa: E402, I001  (it knows where the next are)
from fleet import Fleet  # noqa: E402
from processes import wait_until  # noqa: E402
from scenario import EXAMPLE, Scenario  # noqa: E402

DEVICES = 2
STEPS = [("1.0", "1.1"), ("1.1", "1.3")]
PATCHES = "/api/v1/models/digits/patches"


class PatchChain(RunningArgosy):
    def matrix(self):
        return {(row["from_version"], row["to_version"], row["variant"]): row
                for row in self.api("GET", PATCHES).json()["items"]}

    def test_devices_take_two_steps_where_no_patch_leads_there_directly(self):
        fleet = Fleet(self.group, self.installation, self.argosy, DEVICES)
        fleet.start()
        story = Scenario(self.installation, fleet, self.argosy)
        for version in ("1.0", "1.1", "1.3"):
            story.publish(version)
        story.roll_out("1.0", until=("completed",), policy=EXAMPLE / "policy-first.json")
        story.wait_all_serve("1.0")

        asked = self.api("POST", PATCHES, {"pairs": [{"from_version": a, "to_version": b} for a, b in STEPS]})
        self.assertEqual(asked.status, 200, asked.body)
        wait_until(lambda: all(row["state"] == "ready" for row in self.matrix().values()), 60, "the patches are ready")
        self.assertEqual(len(self.matrix()), 2 * len(STEPS), "one of each step for each build")

        ended = story.roll_out("1.3", until=("completed",), policy=self.policy_that_does_not_wait())
        story.wait_all_serve("1.3")
        self.assertNotIn(("1.0", "1.3"), {key[:2] for key in self.matrix()}, "nobody asked for the direct one")
        for device in self.argosy("rollout", "devices", ended["id"]):
            variant = self.installation.rows(
                f"select v.name from device_models m join variants v on v.digest = m.digest where m.device_id = '{device['device']}'")[0][0]
            steps = [self.matrix()[(*step, variant)]["size"] for step in STEPS]
            self.assertEqual((device["source"], device["bytes"]), ("patch", sum(steps)), device)
            self.assertLess(device["bytes"], device["full_bytes"])

    def policy_that_does_not_wait(self):
        policy = json.loads((EXAMPLE / "policy-first.json").read_text()) | {"patch_wait_s": 0}
        file = self.folder / "policy.json"
        file.write_text(json.dumps(policy))
        return file
