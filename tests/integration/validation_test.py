"""A real device tries each release before it serves it: against a threshold, against what it serves now, on data of its own
that is a folder, without a network, and, where python3-pyarmnn is installed, by another engine."""
import json
import subprocess
import sys
import zipfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))

from real_board import RealBoards  # noqa: E402, I001  (it knows where the next are)
from running_argosy import ROOT  # noqa: E402
from processes import say, wait_until  # noqa: E402

DIGITS = ROOT / "examples/digits"
ARMNN = ROOT / "examples/armnn"
TRIES = """\
[validation]
local_dataset = "{folder}/own"

[validation.commands]
tflite = "{armnn}/tflite-runner"
"""
POLICY = {"waves": [{"share": 1}], "gate": {"bake_s": 0}, "guards": [], "abort": [],
          "probation": {"duration_s": 1, "min_observations": 0, "max_duration_s": 1}}


class Validation(RealBoards):
    def start_device(self):
        self.device = self.folder / "edge-1"
        agent = self.prepare("edge-1", self.device, TRIES.format(folder=self.device, armnn=ARMNN), window_s=1, poll_s=2)
        with zipfile.ZipFile(DIGITS / "data/field.npz") as arrays:
            arrays.extractall(self.device / "own")  # x.npy and y.npy
        self.policy = self.folder / "policy.json"
        self.policy.write_text(json.dumps(POLICY))
        self.agent = self.group.start(agent)
        wait_until(lambda: [d for d in self.argosy("device", "list") if d["presence"] == "online"], 60, "the device")

    def try_out(self, version, file, *flags, threshold=0.5):
        """How the device ended in a rollout of that file."""
        self.argosy("release", "publish", f"digits@{version}", "--variant", file, "--dataset", DIGITS / "data/validation.npz",
                    "--threshold", threshold, *flags)
        rollout = self.argosy("rollout", "create", f"digits@{version}", "--policy", self.policy, "--start")["id"]

        def ended():
            devices = self.argosy("rollout", "devices", rollout)
            return devices and devices[0]["state"] in ("succeeded", "failed", "rejected") and devices[0]
        return wait_until(ended, 90, f"the end of {version} on the device")

    def model(self, version):
        return DIGITS / f"models/digits-{version}-fp32.onnx"

    def test_a_release_is_held_against_what_the_device_serves(self):
        self.start_device()
        first = self.try_out("1.1", self.model("1.1"), "--max-loss", 0.01)
        self.assertEqual(first["state"], "succeeded", self.agent.log_tail())
        self.assertEqual(first["message"], "max_loss did not apply: no version served here")

        worse = self.try_out("1.2", self.model("1.2"), "--max-loss", 0.05)
        self.assertEqual(worse["cause"], "validate_rejected", worse)
        self.assertEqual(worse["message"],
                         "accuracy is 0.8925; the serving version's is 0.99, and at most 0.05 may be lost")
        self.assertEqual((worse["numbers"]["metric_value"], worse["numbers"]["serving_value"]), (0.8925, 0.99))

        slower = self.try_out("1.3", self.model("1.3"), "--max-loss", 0.05, "--max-latency-ratio", 3)
        self.assertEqual(slower["cause"], "validate_rejected", slower)
        self.assertIn("and the limit is 3 times that", slower["message"])

        # Under the threshold on the device's own data alone: 0.9425 there, 0.9625 on the release's.
        local = self.try_out("1.0", self.model("1.0"), threshold=0.95)
        self.assertEqual(local["message"], "accuracy on the device's own data is 0.9425; at least 0.95 is asked for")

        if subprocess.run(["/usr/bin/python3", "-c", "import pyarmnn"], capture_output=True, check=False).returncode:
            say("   python3-pyarmnn is not installed: no other engine is tried")
            return
        other = self.try_out("1.1-tflite", ARMNN / "digits-1.1.tflite", "--max-loss", 0, threshold=0.94)
        self.assertEqual(other["state"], "succeeded", self.agent.log_tail())
        self.assertEqual((other["numbers"]["metric_value"], other["numbers"]["serving_value"]), (0.99, 0.99))

    def test_a_release_that_contradicts_itself_is_refused(self):
        self.api("POST", "/api/v1/models", {"name": "regression"})
        for validation, words in (({"metric": "mae", "threshold": 1, "direction": "higher"}, "lower is better"),
                                  ({"metric": "mae"}, "threshold"), ({"metric": "accuracyy"}, "is unknown"),
                                  ({"max_loss": -1}, "max_loss"), ({"max_latency_ratio": 0}, "max_latency_ratio")):
            release = {"version": "1.0", "validation": validation,
                       "variants": [{"name": "default", "digest": "0" * 64, "format": "onnx"}]}
            answer = self.api("POST", "/api/v1/models/regression/releases", release)
            self.assertGreaterEqual(answer.status, 400)
            self.assertIn(words, answer.body.decode())
