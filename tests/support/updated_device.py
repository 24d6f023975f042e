"""One real device that is given version after version of a model: what its tests publish, and what it must serve."""
import hashlib
import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

from running_argosy import RunningArgosy  # noqa: E402, I001  (it knows where the next are)
import external_data  # noqa: E402
from external_data import varint  # noqa: E402
from fleet import Fleet  # noqa: E402
from processes import NotReady, wait_until  # noqa: E402
from scenario import EXAMPLE, has_ended  # noqa: E402

ONNX_DOC_STRING = b"\x32"  # field 6 of ModelProto, a text that changes nothing: one more file of the same model


class UpdatedDevice(RunningArgosy):
    DOC_BYTES = 2_000_000  # by which the model is made longer

    def start_device(self, seeded_random):
        self.random = seeded_random
        fleet = Fleet(self.group, self.installation, self.argosy, 1)
        fleet.start()
        self.device, = fleet.devices
        self.digests = {}
        self.text = b"-" * self.DOC_BYTES

    def publish_and_start(self, version):
        file = self.folder / "model.onnx"
        file.write_bytes(self.next_model())
        self.digests[version] = hashlib.sha256(file.read_bytes()).hexdigest()
        self.argosy("release", "publish", f"digits@{version}", "--variant", file, "--dataset", EXAMPLE / "data/validation.npz",
                    "--threshold", 0.9)
        return self.argosy("rollout", "create", f"digits@{version}", "--policy", self.policy(), "--start")["id"]

    def next_model(self):
        """The same model in another file, large enough that fetching it takes a moment; like the last one by halves, so
        that there is something to patch."""
        self.text = self.random.randbytes(self.DOC_BYTES // 4).hex().encode() + self.text[self.DOC_BYTES // 2:]
        model = (EXAMPLE / "models/digits-1.1-fp32.onnx").read_bytes()
        return model + ONNX_DOC_STRING + varint(len(self.text)) + self.text

    def publish_two_files_and_start(self, version):
        """The model by its graph and its weights, each a little other than before, so that there is something to patch."""
        model, weights = external_data.split(self.next_model())
        moved = bytearray(weights)
        for at in range(0, len(moved), 4):
            moved[at] = self.random.randrange(256)  # the last bits of each float
        files = {"model.onnx": model, external_data.LOCATION: bytes(moved), "labels.txt": b"zero one two"}
        for name, content in files.items():
            (self.folder / name).write_bytes(content)
        self.digests[version] = hashlib.sha256(model).hexdigest()
        self.argosy("release", "publish", f"digits@{version}", "--variant", self.folder / "model.onnx", "--part",
                    self.folder / "labels.txt", "--dataset", EXAMPLE / "data/validation.npz", "--threshold", 0.9)
        policy = self.folder / "policy.json"
        policy.write_text(json.dumps(json.loads((EXAMPLE / "policy-first.json").read_text()) | {"patch_wait_s": 60}))
        rollout = self.argosy("rollout", "create", f"digits@{version}", "--policy", policy, "--start")["id"]
        return rollout, {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}

    def policy(self):
        """Every other update does not wait for its patch, and so is fetched whole; every third has both versions asked first."""
        wait_s = 20 if len(self.digests) % 2 else 0
        shadow = None if len(self.digests) % 3 else {"samples": 20, "max_s": 10}
        policy = json.loads((EXAMPLE / "policy-first.json").read_text()) | {"patch_wait_s": wait_s, "shadow": shadow}
        file = self.folder / "policy.json"
        file.write_text(json.dumps(policy))
        return file

    def whole_served_version(self):
        """The version behind `current`, whose file is exactly what was published."""
        current = self.device.root / "models/digits/current"
        release = json.loads((current / "release.json").read_text())
        digest = hashlib.sha256((current / f"model.{release['format']}").read_bytes()).hexdigest()
        self.assertEqual(digest, release["digest"], "what serves is not what its release.json says")
        self.assertEqual(digest, self.digests[release["version"]], "what serves is not what was published")
        return release["version"]

    def wait_for_the_end(self, rollout, version):
        try:
            return wait_until(lambda: self.ended(rollout), 120, f"rollout of {version} ends")
        except NotReady:
            self.fail(f"rollout of {version} did not end: {self.argosy('rollout', 'show', rollout)}\n{self.journal()}\n"
                      f"{self.device.agent.log_tail(60)}")

    def journal(self):
        return json.loads((self.device.root / "state/digits.json").read_text())

    def has_committed(self, version):
        journal = self.journal()
        return journal["phase"] == "committed" and journal["wish"]["version"] == version

    def ended(self, rollout):
        document = self.argosy("rollout", "show", rollout)
        return document if has_ended(document) else None

    def nothing_is_left_over(self):
        return not list((self.device.root / "downloads").iterdir()) and not list(self.device.root.rglob("*.tmp"))

    def expect_served(self, rollout, version):
        """The rollout has completed, and the device says and serves this version."""
        ended = self.wait_for_the_end(rollout, version)
        self.assertEqual(ended["state"], "completed", ended)
        served, = (m["version"] for d in self.argosy("device", "list") for m in d["models"] if m["model"] == "digits")
        self.assertEqual(served, version)
        self.assertEqual(self.whole_served_version(), version)
