"""A real agent whose owner's command reads numbers, and whose program tells entropy, tags and its runtime, and whose predictions people label: all of
it is seen on the server."""
import hashlib
import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))

from real_board import RealBoards  # noqa: E402, I001  (it knows where the next are)
from running_argosy import ROOT  # noqa: E402
from command_line import CommandFailed  # noqa: E402
from processes import wait_until  # noqa: E402

sys.path.insert(0, str(ROOT / "agent/sdk"))
from argosy_observe import Observer, entropy_of  # noqa: E402

READINGS = """\
[readings]
command = ["{folder}/readings", "pump_bar"]
every_s = 5
timeout_s = 2
"""
# One more opset_import of protobuf, of ONNX's own domain: version 99.
OPSET_99 = bytes([0x42, 0x04, 0x0A, 0x00, 0x10, 0x63])
GOOD = """#!/bin/sh
echo "{\\"$1\\": 2.5}"
"""


class BoardReadings(RealBoards):
    def setUp(self):
        self.let_command_be(GOOD)
        self.agent = self.group.start(self.prepare("pump-1", self.folder, READINGS.format(folder=self.folder),
                                                   window_s=1, health_s=1, state_s=1, poll_s=1))

    def let_command_be(self, script):
        """As one file in place of another: the agent may start it at any time."""
        fresh = self.folder / "readings.new"
        fresh.write_text(script)
        fresh.chmod(0o755)
        fresh.rename(self.folder / "readings")

    def device(self):
        return self.api("GET", "/api/v1/devices/pump-1").json()

    def wait_for(self, is_so, what):
        wait_until(lambda: is_so(self.device()), 60, what)

    def test_what_the_board_tells_is_seen(self):
        wait_until(lambda: self.api("GET", "/api/v1/devices/pump-1").status == 200, 60, "the device is enrolled")
        self.wait_for(lambda device: device["health"].get("custom.pump_bar") == 2.5, "the command's number is there")
        self.wait_for(lambda device: any(word.startswith("onnxruntime ") for word in device["capabilities"].get("runtime_versions", [])),
                      "the runner's ONNX Runtime is named")
        self.the_device_tells_what_it_is_made_of()
        self.a_model_that_is_too_new_for_the_engine_is_for_nobody()
        self.a_program_tells_what_it_knows()
        self.a_command_that_fails_loses_its_own_numbers_alone()
        self.labels_that_people_tell_count_once()

    def the_device_tells_what_it_is_made_of(self):
        self.wait_for(lambda device: "onnx" in device["capabilities"], "the runner has tried out what its engine reads")
        seen = self.device()["capabilities"]
        self.assertGreaterEqual(seen["onnx"]["opset"], 17)
        self.assertGreaterEqual(seen["cores"], 1)
        self.assertIn("kernel", seen["versions"])
        found = self.argosy("device", "list", "--filter", "capabilities.opset >= 17 AND capabilities.kernel > 3")
        self.assertEqual([device["id"] for device in found], ["pump-1"])
        self.assertEqual(self.argosy("device", "list", "--filter", "capabilities.kernel < 3"), [])

    def put_model(self, data):
        digest = hashlib.sha256(data).hexdigest()
        self.assertEqual(self.api("PUT", f"/api/v1/blobs/{digest}", data).status, 201)
        return digest

    def a_model_that_is_too_new_for_the_engine_is_for_nobody(self):
        plain = (ROOT / "examples/digits/models/digits-1.0-fp32.onnx").read_bytes()
        variants = [{"name": "new", "digest": self.put_model(plain + OPSET_99), "format": "onnx", "priority": 1, "selector": {"memory_mb": ">=1"}},
                    {"name": "jetson", "digest": self.put_model(plain), "format": "onnx", "selector": {"jetpack": ">=5.1,<6"}}]
        self.assertEqual(self.api("POST", "/api/v1/models", {"name": "reach"}).status, 201)
        made = self.api("POST", "/api/v1/models/reach/releases", {"version": "1.0", "variants": variants})
        self.assertEqual(made.status, 201, made.body)
        self.assertEqual(made.json()["variants"][0]["onnx"]["opset"], 99)
        preview = self.api("POST", "/api/v1/rollouts/preview", {"name": "reach", "model": "reach", "version": "1.0"}).json()
        self.assertIn("variants", preview, preview)
        new, jetson = preview["variants"]
        engine = self.device()["capabilities"]["onnx"]["opset"]
        self.assertEqual(new, {"name": "new", "suits": 0, "takes": 0, "unsuited": [
            {"devices": 1, "message": f"needs the ONNX opset 99, the device's engine reads up to {engine}"}]})
        self.assertEqual(jetson["unsuited"], [{"devices": 1, "message": "needs jetpack >=5.1,<6, the device tells none"}])
        self.assertEqual([each["reason"] for each in preview["left_out"]], ["incompatible"])

    def a_program_tells_what_it_knows(self):
        with Observer(str(self.folder / "run/observe.sock")) as agent:
            for camera in ("left", "left", "right"):
                self.assertTrue(agent.observe("digits", latency_us=900, release="1.0", confidence=0.97, entropy=entropy_of([0.5, 0.5]),
                                              tags={"camera": camera}, runtime="tflite 2.16.1"))

        def series():
            return self.api("GET", "/api/v1/devices/pump-1/series?model=digits").json()
        wait_until(lambda: series()["tags"].get("camera", {}).get("values") == {"left": 2, "right": 1}, 60, "the tags are counted")
        seen = series()
        self.assertEqual(seen["confidence_bins"], [0] * 19 + [3])
        self.assertAlmostEqual(next(value for value in seen["entropy"] if value is not None), 0.693, 3)
        self.wait_for(lambda device: "tflite 2.16.1" in device["capabilities"]["runtime_versions"], "the program's runtime is named")
        found = self.argosy("device", "list", "--filter", 'capabilities.runtime_versions : "tflite 2.16"')
        self.assertEqual([device["id"] for device in found], ["pump-1"])

    def a_command_that_fails_loses_its_own_numbers_alone(self):
        self.let_command_be("#!/bin/sh\necho pump 3\n")
        self.wait_for(lambda device: device["readings_fault"], "the fault is told")
        self.wait_for(lambda device: "custom.pump_bar" not in device["health"], "an old number does not stand for a new one")
        self.assertEqual(self.device()["health"]["readings_failed"], 1)
        self.assertIn("memory_used_mb", self.device()["health"])
        self.assertIn("readings.command: ", (self.folder / "agent.log").read_text())
        self.let_command_be("#!/bin/sh\nsleep 600\n")
        self.wait_for(lambda device: "took longer than 2 s" in (device["readings_fault"] or ""), "a hang is told")
        self.let_command_be(GOOD)
        self.wait_for(lambda device: device["readings_fault"] is None and device["health"].get("custom.pump_bar") == 2.5,
                      "it reads again")

    def labels_that_people_tell_count_once(self):
        self.api("POST", "/api/v1/models", {"name": "digits"})
        with Observer(str(self.folder / "run/observe.sock")) as program:
            for observation in range(1, 5):
                self.assertTrue(program.observe("digits", latency_us=900, release="2.0", predicted=7, id=observation))
            wait_until(lambda: self.inferences("2.0") == 4, 60, "the predictions are in a window, and kept")
            told = self.argosy("labels", "add", "--device", "pump-1", "--model", "digits", "--id", 1, "--label", 7)
            self.assertEqual((told["accepted"], told["refused"]), (1, 0), told)
            wait_until(lambda: self.labels_told() == {"counted": 1}, 60, "the device is told, and answers")
            self.agent.kill()  # and whatever it had in memory
            wait_until(lambda: self.device()["presence"] == "offline", 60, "it is away")
            (self.folder / "labels.csv").write_text("device,model,id,label,source\npump-1,digits,1,7,lab\npump-1,digits,2,7,lab\n"
                                                    "pump-1,digits,3,1,lab\npump-1,digits,99,7,lab\npump-1,digits,none,7,lab\npump-9,digits,4,7,lab\n")
            with self.assertRaises(CommandFailed) as some_were_refused:
                self.argosy("labels", "add", self.folder / "labels.csv")
            told = json.loads(str(some_were_refused.exception).partition(": status 1: ")[2])
            self.assertEqual((told["accepted"], told["repeated"], told["refused"]), (3, 1, 2), told)
            self.assertEqual([problem["line"] for problem in told["problems"]], [6, 7])
            self.assertEqual(self.argosy("labels", "status", "pump-1")["waiting"], 3)
            self.agent.start()
            wait_until(lambda: self.labels_told() == {"counted": 3, "unknown": 1}, 60, "it fetches what waits when it is back")
        wait_until(lambda: (self.measured("2.0") or {}).get("later") == 3, 60, "the windows that count them are stored")
        self.assertEqual(self.measured("2.0")["labels"], 3)
        self.assertAlmostEqual(self.measured("2.0")["value"], 2 / 3)
        self.assertEqual({label["state"] for label in self.argosy("labels", "list", "pump-1", "--state", "unknown")}, {"unknown"})

    def inferences(self, version):
        series = self.api("GET", "/api/v1/telemetry/export?rows=windows&model=digits&version=" + version).body.decode().splitlines()
        return sum(int(row.split(",")[5]) for row in series[1:])

    def measured(self, version):
        versions = self.argosy("telemetry", "accuracy", "--model", "digits@" + version)["versions"]
        return versions[0]["measured"] if versions else None

    def labels_told(self):
        return {count["state"]: count["labels"] for count in self.argosy("labels", "status", "pump-1")["counts"]}
