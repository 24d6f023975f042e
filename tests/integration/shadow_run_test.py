"""A real device asks both versions before it activates the new one. The inference program is this test, by the module that
programs use; the agent is killed in the middle, and loses no more than it had not written down."""
import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))

from real_board import RealBoards  # noqa: E402, I001  (it knows where the next are)
from running_argosy import ROOT  # noqa: E402
from processes import wait_until  # noqa: E402

sys.path.insert(0, str(ROOT / "agent/sdk"))
from argosy_observe import Observer, candidate  # noqa: E402

DIGITS = ROOT / "examples/digits"
POLICY = {"waves": [{"share": 1}], "gate": {"bake_s": 0}, "guards": [], "abort": [],
          "probation": {"duration_s": 1, "min_observations": 0, "max_duration_s": 1}}
SAMPLES = 300


class ShadowRun(RealBoards):
    def start_device(self):
        self.device = self.folder / "edge-1"
        self.agent = self.group.start(self.prepare("edge-1", self.device, window_s=1, poll_s=2, state_s=1))
        wait_until(lambda: [d for d in self.argosy("device", "list") if d["presence"] == "online"], 60, "the device")
        self.model_folder = self.device / "root/models/digits"

    def roll_out(self, version, **policy):
        file = self.folder / f"policy-{version}.json"
        file.write_text(json.dumps(POLICY | policy))
        self.argosy("release", "publish", f"digits@{version}", "--variant", DIGITS / f"models/digits-{version}-fp32.onnx",
                    "--dataset", DIGITS / "data/validation.npz", "--threshold", 0.5)
        return self.argosy("rollout", "create", f"digits@{version}", "--policy", file, "--start")["id"]

    def row(self, rollout):
        return self.argosy("rollout", "devices", rollout)[0]

    def answer(self, version, count):
        """So many inputs, of which the new version gets every tenth wrong."""
        with Observer(str(self.device / "run/observe.sock")) as agent:
            for number in range(count):
                right = number % 10 > 0
                wait_until(lambda right=right: agent.shadow("digits", version, agreed=right, old_right=True, new_right=right),
                           10, "the agent takes an answer", poll_s=0.001)

    def kept_samples(self):
        return self.journal().get("shadow", {}).get("samples", 0)

    def test_both_versions_are_asked_before_the_new_one_serves(self):
        self.start_device()
        first = self.roll_out("1.0")
        wait_until(lambda: self.row(first)["state"] == "succeeded", 90, "the first version")
        self.assertIsNone(self.row(first)["shadow"])

        second = self.roll_out("1.1", shadow={"samples": SAMPLES, "max_s": 600, "required": True})
        found = wait_until(lambda: candidate(str(self.model_folder)), 90, "the candidate")
        self.assertEqual(found.version, "1.1")
        self.assertEqual(Path(found.path).read_bytes(), (DIGITS / "models/digits-1.1-fp32.onnx").read_bytes())
        self.answer("1.1", 100)
        self.answer("1.2", 50)  # of no candidate
        wait_until(lambda: self.kept_samples() == 100, 60, "its counts are kept")
        wait_until(lambda: (self.row(second)["shadow"] or {}).get("samples") == 100, 30, "the server knows")
        self.assertEqual(self.row(second)["state"], "validating")

        self.agent.kill()
        self.agent.start()
        wait_until(lambda: self.is_asked_again() and candidate(str(self.model_folder)), 60, "the agent goes on")
        self.assertEqual(self.kept_samples(), 100)
        self.answer("1.1", SAMPLES - 100)
        wait_until(lambda: self.row(second)["state"] == "succeeded", 60, "the second version")
        self.assertIsNone(candidate(str(self.model_folder)))
        right = SAMPLES * 9 // 10
        self.assertEqual(self.row(second)["shadow"],
                         {"v": 1, "samples": SAMPLES, "unanswered": 0, "agreed": right, "labelled": SAMPLES,
                          "old_right": SAMPLES, "new_right": right, "both_right": right})

    def is_asked_again(self):
        """After one restart, which is counted until there are more samples."""
        journal = self.journal()
        return journal["phase"] == "shadowing" and journal["starts"] == 1

    def journal(self):
        return json.loads((self.device / "root/state/digits.json").read_text())
