"""The demo's devices: each a real argosy-agent beside a real inference program that classifies real images."""
import json

from processes import ROOT, Program, wait_until

CLASSES = (("cpu-fp32", "fp32"), ("cpu-int8", "int8"))

AGENT_CONFIG = """\
server = "{server}"
device = "{device}"
hardware_class = "{hardware_class}"
root = "{root}"
run_dir = "{run}"

[labels]
site = "{site}"

[enrolment]
claim_file = "{claim}"
ca_file = "{ca}"

[capabilities]
precisions = ["{precision}"]

[intervals]
{intervals}

[serving]
reload_pid_file = "{classifier_pid}"

[log]
level = "info"
"""

# A demonstration shows in seconds what a device tells in minutes.
DEMO_INTERVALS = {"window_s": 1, "health_s": 2, "state_s": 5, "poll_s": 5}


class Device:
    """One device: its folder, its agent, its inference program, and the faults that the demo gives it."""

    def __init__(self, installation, server, number, claim_file, intervals):
        self.id = f"cam-{number:02d}"
        self.hardware_class, precision = CLASSES[(number - 1) % len(CLASSES)]
        self.folder = installation.folder / "devices" / self.id
        self.root, run = self.folder / "root", self.folder / "run"
        self.control = self.folder / "faults.json"
        pid_file = self.folder / "classifier.pid"
        for each in (self.root, run):
            each.mkdir(parents=True, exist_ok=True)
        config = self.folder / "agent.toml"
        config.write_text(AGENT_CONFIG.format(
            server=server.device_url, device=self.id, hardware_class=self.hardware_class, precision=precision,
            root=self.root, run=run, site=("berlin", "lisbon", "oslo")[number % 3], claim=claim_file, ca=installation.ca,
            classifier_pid=pid_file, intervals="\n".join(f"{key} = {value}" for key, value in intervals.items())))
        self.set_fault()
        self.agent = Program(f"agent {self.id}", [installation.build / "agent/argosy-agent", "--config", config],
                             log=self.folder / "agent.log")
        self.classifier = Program(
            f"classifier {self.id}",
            [installation.build / "examples/digits/argosy-digits-classifier", "--model", self.root / "models/digits/current",
             "--data", ROOT / "examples/digits/data/field.npz", "--socket", run / "observe.sock",
             "--control", self.control, "--pid-file", pid_file, "--rate", 20, "--label-share", 0.5, "--seed", number],
            log=self.folder / "classifier.log")

    def set_fault(self, blur=False, slow_ms=0):
        """A dirty lens, or an inference program that has become slow."""
        self.control.write_text(json.dumps({"blur": blur, "slow_ms": slow_ms}))

    def is_enrolled(self):
        return (self.root / "identity/device.crt").exists()

    def phase(self, model="digits"):
        """Where the update of a model stands, as its journal on disk says; empty when there is none yet."""
        try:
            journal = json.loads((self.root / f"state/{model}.json").read_text())
        except (OSError, ValueError):
            return ""
        return journal.get("phase", journal.get("state", {}).get("phase", ""))


class Fleet:
    def __init__(self, group, installation, argosy, count, server=None, intervals=DEMO_INTERVALS):
        """With `server`, the argosyd that the devices ask; else the installation's first one. `intervals` are those of the
        agents' configuration; what they leave out is as the agent has it by itself."""
        self.group, self.installation, self.argosy = group, installation, argosy
        self.devices = []
        claim_file = installation.folder / "claim"
        for number in range(1, count + 1):
            self.devices.append(Device(installation, server or installation.argosyd, number, claim_file, intervals))
        if not all(device.is_enrolled() for device in self.devices):  # an earlier start's claim may have expired
            claim_file.touch(mode=0o600)
            claim_file.write_text(argosy("device", "claim", "--uses", count, "--expires-in", 3600)["claim"])

    def start(self):
        """Returns when the server knows every device."""
        for device in self.devices:
            for program in (device.agent, device.classifier):
                self.group.start(program)
        wait_until(lambda: all(device.is_enrolled() for device in self.devices), 60, "every device enrols")

    def stop(self):
        for device in self.devices:
            device.agent.stop()
            device.classifier.stop()
