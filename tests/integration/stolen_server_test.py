"""Whoever has the server - its API, its database, its files - ships nothing to a real agent that knows its publisher."""
import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))

from real_board import RealBoards  # noqa: E402, I001  (it knows where the next are)
from running_argosy import ROOT  # noqa: E402
from processes import wait_until  # noqa: E402

MODELS = ROOT / "examples/digits/models"


class StolenServer(RealBoards):
    def setUp(self):
        self.root = self.folder / "root"
        self.argosy("key", "make", self.folder / "publisher.key")
        self.argosy("key", "make", self.folder / "stranger.key")
        self.policy = self.folder / "policy.json"
        self.policy.write_text(json.dumps({"waves": [{"share": 1.0}], "probation": {"duration_s": 1, "min_observations": 0},
                                           "gate": {"min_executed": 1, "success_share": 0.9, "bake_s": 0},
                                           "include_resting": True}))

    def start_agent(self):
        keys = f'[signing]\nkeys = ["{self.folder}/publisher.key.pub"]\n'
        self.group.start(self.prepare("cam-1", self.folder, keys))
        wait_until(lambda: self.argosy("device", "list"), 30, "the agent enrols")

    def publish(self, version, file, key=None, sequence=None):
        words = []
        if key:
            made = self.folder / f"signature-{version}"
            made.mkdir()
            self.argosy("sign", f"digits@{version}", file, "--key", self.folder / key, "--sequence", sequence,
                        "--output", made)
            words = ["--signature", made / "model.sig"]
        self.argosy("release", "publish", f"digits@{version}", "--variant", file, *words)

    def roll_out(self, version):
        """How it ended on the device: its state and cause."""
        rollout = self.argosy("rollout", "create", f"digits@{version}", "--policy", self.policy, "--start")["id"]

        def outcome():
            device, = self.argosy("rollout", "devices", rollout)
            return device if device["state"] in ("succeeded", "failed", "rolled_back") or device["cause"] else None
        ended = wait_until(outcome, 60, f"{version} ends on the device")
        if ended["state"] != "succeeded" and self.argosy("rollout", "show", rollout)["state"] == "running":
            self.argosy("--yes", "rollout", "halt", rollout)
        return ended["state"], ended["cause"]

    def served(self):
        return (self.root / "models/digits/current/model.onnx").read_bytes()

    def test_nothing_but_the_publishers_releases_gets_through(self):
        self.start_agent()
        genuine, foreign = MODELS / "digits-1.0-fp32.onnx", MODELS / "digits-1.1-fp32.onnx"
        self.publish("1.0", genuine, "publisher.key", 10)
        self.assertEqual(self.roll_out("1.0")[0], "succeeded")

        self.publish("2.0", foreign)
        self.assertEqual(self.roll_out("2.0"), ("failed", "signature_missing"))
        self.publish("2.1", foreign, "stranger.key", 11)
        self.assertEqual(self.roll_out("2.1"), ("failed", "signature_key"))

        # With the database in hand: the genuine signature under a foreign release.
        self.publish("2.2", foreign)
        self.installation.rows("update releases r set signature_statement = o.signature_statement, signature_bundle = "
                               "o.signature_bundle from releases o where r.version = '2.2' and o.version = '1.0'")
        self.assertEqual(self.roll_out("2.2"), ("failed", "signature_release"))

        # A genuine release of long ago, with more to it than the one in service.
        self.publish("0.9", foreign, "publisher.key", 9)
        self.assertEqual(self.roll_out("0.9"), ("failed", "signature_sequence"))

        self.assertEqual(self.served(), genuine.read_bytes())
        self.publish("1.1", foreign, "publisher.key", 12)
        self.assertEqual(self.roll_out("1.1")[0], "succeeded")
        self.assertEqual(self.served(), foreign.read_bytes())
