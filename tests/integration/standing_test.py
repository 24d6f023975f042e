"""A release that stands: real agents that enrol after its rollout completed get what their peers run, and so does another
board that takes the name of one."""
import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))

from real_board import MODELS, POLICY, RealBoards  # noqa: E402, I001  (it knows where the next are)
from processes import NotReady, wait_until  # noqa: E402

MODEL = MODELS / "digits-1.0-fp32.onnx"


class Standing(RealBoards):
    def row(self, rollout, name):
        items = self.api("GET", f"/api/v1/rollouts/{rollout}/devices").json()["items"]
        return next((item for item in items if item["device"] == name), None)

    def wait_for_success(self, rollout, name, agent, attempt=1):
        def is_there():
            row = self.row(rollout, name)
            return row and row["state"] == "succeeded" and row["attempt"] == attempt
        try:
            wait_until(is_there, 60, f"{name} in rollout {rollout}")
        except NotReady as late:
            self.fail(f"{late}: {self.row(rollout, name)}\n{agent.log_tail(40)}")

    def test_who_comes_later_gets_what_its_peers_run(self):
        first = self.board("cam-1")
        wait_until(lambda: self.argosy("device", "list"), 30, "the agent enrols")
        policy = self.folder / "policy.json"
        policy.write_text(json.dumps(POLICY))
        self.argosy("release", "publish", "digits@1.0", "--variant", MODEL)
        rollout = self.argosy("rollout", "create", "digits@1.0", "--policy", policy, "--standing", "--start")["id"]
        self.wait_for_success(rollout, "cam-1", first)
        wait_until(lambda: self.argosy("rollout", "show", rollout)["stands_since"], 30, "it stands")
        self.assertEqual(self.argosy("rollout", "show", rollout)["state"], "completed")

        second = self.board("cam-2")
        self.wait_for_success(rollout, "cam-2", second)
        self.assertEqual(self.serves("cam-2"), "1.0")
        why, = self.argosy("device", "show", "cam-2")["assignments"]
        self.assertIn("when it came to match a filter that stands", why["why"])
        self.assertEqual(self.argosy("rollout", "show", rollout)["newcomers"], 1)

        second.stop()
        another = self.board("cam-2")
        wait_until(lambda: self.argosy("device", "replacements"), 30, "another board asks for its place")
        self.argosy("--yes", "device", "replace", "cam-2")
        self.wait_for_success(rollout, "cam-2", another, attempt=2)
        self.assertEqual(self.serves("cam-2"), "1.0")

        self.argosy("rollout", "unassign", rollout)
        third = self.board("cam-3")
        wait_until(lambda: len(self.argosy("device", "list")) == 3, 30, "the third enrols")
        wait_until(lambda: self.installation.rows("select count(*) from rollout_newcomers")[0][0] == "0", 30, "it is looked at")
        self.assertIsNone(self.row(rollout, "cam-3"))
        self.argosy("rollout", "assign", rollout)
        self.wait_for_success(rollout, "cam-3", third)
