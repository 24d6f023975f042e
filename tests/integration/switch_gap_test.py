"""A real inference program follows the `current` link, and somebody else reads what is behind it all the time, while update
after update is switched in: no inference fails, and no read finds anything but a whole published model.

ARGOSY_SWITCHES is the number of switches: 5 by default; 100 is what a release is held to."""
import hashlib
import os
import random
import sys
import threading
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))

from updated_device import UpdatedDevice  # noqa: E402, I001  (it knows where the next are)
import external_data  # noqa: E402
from processes import say, wait_until  # noqa: E402

SWITCHES = int(os.environ.get("ARGOSY_SWITCHES", "5"))


class Reader:
    """Opens the model behind the link again and again while the `with` block runs."""

    def __init__(self, file):
        self.file, self.digests, self.failures, self.reads = file, set(), [], 0
        self.done = threading.Event()
        self.thread = threading.Thread(target=self._read)

    def _read(self):
        while not self.done.wait(0.001):  # a thousand looks a second, and the processor is for those who are looked at
            try:
                self.digests.add(hashlib.sha256(self.file.read_bytes()).hexdigest())
            except OSError as error:
                self.failures.append(str(error))
            self.reads += 1

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.done.set()
        self.thread.join()


class PairReader(Reader):
    """Opens the folder behind the link, and two files in it: of one version always, whenever that is."""

    def __init__(self, current):
        super().__init__(current)
        self.pairs = set()

    def _read(self):
        while not self.done.wait(0.001):  # a thousand looks a second, and the processor is for those who are looked at
            folder = os.open(self.file, os.O_RDONLY)
            try:
                self.pairs.add(tuple(digest_in(folder, name) for name in ("model.onnx", external_data.LOCATION)))
            except OSError as error:
                self.failures.append(str(error))
            finally:
                os.close(folder)
            self.reads += 1


def digest_in(folder, name):
    with open(os.open(name, os.O_RDONLY, dir_fd=folder), "rb") as file:
        return hashlib.sha256(file.read()).hexdigest()


class SwitchGap(UpdatedDevice):
    DOC_BYTES = 20_000

    def test_no_inference_fails_while_models_are_switched(self):
        self.start_device(random.Random(1))
        self.expect_served(self.publish_and_start("1.0"), "1.0")
        self.wait_until_the_program_serves("1.0")
        with Reader(self.device.root / "models/digits/current/model.onnx") as reader:
            for number in range(1, SWITCHES + 1):
                version = f"1.{number}"
                self.expect_served(self.publish_and_start(version), version)
                self.wait_until_the_program_serves(version)
        log = self.device.classifier.log_text()
        say(f"   {SWITCHES} switches: {reader.reads} reads of the model behind the link")
        self.assertEqual(reader.failures, [])
        self.assertLessEqual(reader.digests, set(self.digests.values()))
        self.assertEqual(log.count("serving digits"), SWITCHES + 1)
        self.assertNotIn("cannot load", log)
        self.assertNotIn("inference failed", log)
        self.versions_of_several_files_switch_as_one()

    def versions_of_several_files_switch_as_one(self):
        """The example's program loads weights that lie beside its model; the second version comes by a patch of each."""
        rollout, first = self.publish_two_files_and_start("2.0")
        self.expect_served(rollout, "2.0")
        self.wait_until_the_program_serves("2.0")
        with PairReader(self.device.root / "models/digits/current") as reader:
            rollout, second = self.publish_two_files_and_start("2.1")
            self.expect_served(rollout, "2.1")
            self.wait_until_the_program_serves("2.1")
            device, = self.argosy("rollout", "devices", rollout)
            self.assertEqual(device["source"], "patch", device)
            self.assertEqual(device["bytes"], sum(self.patch_sizes("2.0", "2.1").values()), "nothing but two patches")
            self.assertEqual(set(self.patch_sizes("2.0", "2.1")), {None, external_data.LOCATION})
            self.argosy("rollout", "rollback", rollout)
            wait_until(lambda: self.whole_served_version() == "2.0", 60, "the device goes back to 2.0")
        self.assertEqual(reader.failures, [])
        pairs = {(files["model.onnx"], files[external_data.LOCATION]) for files in (first, second)}
        self.assertEqual(reader.pairs, pairs)
        self.assertEqual((self.device.root / "models/digits/current/labels.txt").read_bytes(), b"zero one two")
        log = self.device.classifier.log_text()
        self.assertNotIn("cannot load", log)
        self.assertNotIn("inference failed", log)

    def patch_sizes(self, old, new):
        rows = self.api("GET", "/api/v1/models/digits/patches").json()["items"]
        return {row["part"]: row["size"] for row in rows if (row["from_version"], row["to_version"]) == (old, new)}

    def wait_until_the_program_serves(self, version):
        wait_until(lambda: f"serving digits {version}\n" in self.device.classifier.log_text(), 30,
                   f"the inference program serves {version}")
