"""A real agent beside a real inference program is killed (SIGKILL) at random moments of update after update. Each time a
whole, verified model serves, and each rollout ends completed.

ARGOSY_KILLS is the number of kills: 15 by default (a minute or so); 500 is what a release is held to. ARGOSY_SEED replays
the moments of an earlier run."""
import collections
import hashlib
import json
import os
import random
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))

from running_argosy import RunningArgosy  # noqa: E402, I001  (it knows where the next are)
from fleet import Fleet  # noqa: E402
from processes import NotReady, say, wait_until  # noqa: E402
from scenario import EXAMPLE, has_ended  # noqa: E402

KILLS = int(os.environ.get("ARGOSY_KILLS", "15"))
SEED = int(os.environ.get("ARGOSY_SEED", str(random.SystemRandom().randrange(1 << 32))))
KILLS_IN_AN_UPDATE = 5  # after six starts without progress the agent gives an update up, rightly
LONGEST_LIFE_S = 1.2
ONNX_DOC_STRING = b"\x32"  # field 6 of ModelProto, a text that changes nothing: one more file of the same model
DOC_BYTES = 2_000_000


class AgentKills(RunningArgosy):
    def setUp(self):
        self.random = random.Random(SEED)
        self.killed_in = collections.Counter()
        say(f"   {KILLS} kills, ARGOSY_SEED={SEED}")

    def test_a_whole_model_serves_whenever_the_agent_is_killed(self):
        fleet = Fleet(self.group, self.installation, self.argosy, 1)
        fleet.start()
        self.device, = fleet.devices
        self.digests = {}
        self.text = b"-" * DOC_BYTES
        self.roll_out(0)
        number = 0
        while self.killed_in.total() < KILLS:
            number += 1
            self.roll_out(number, kills=min(KILLS_IN_AN_UPDATE, KILLS - self.killed_in.total()))
        say(f"   killed {self.killed_in.total()} times in {number} updates: " +
            ", ".join(f"{count} {phase}" for phase, count in self.killed_in.most_common()))
        self.assertEqual(self.killed_in.total(), KILLS)

    def roll_out(self, number, kills=0):
        """Release and roll out the next version; kill the agent so often while it updates; wait until all is well."""
        version = f"1.{number}"
        rollout = self.publish_and_start(version)
        if kills:
            wait_until(lambda: self.journal()["wish"]["version"] == version, 60, f"the agent begins with {version}", poll_s=0.001)
        for _ in range(kills):
            if self.has_committed(version):
                break
            self.kill_once(rollout)
        ended = self.wait_for_the_end(rollout, version)
        self.assertEqual(ended["state"], "completed", ended)
        served, = (m["version"] for d in self.argosy("device", "list") for m in d["models"] if m["model"] == "digits")
        self.assertEqual(served, version)
        self.assertEqual(self.whole_served_version(), version)
        wait_until(self.nothing_is_left_over, 20, "downloads are swept")

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
        self.text = self.random.randbytes(DOC_BYTES // 4).hex().encode() + self.text[DOC_BYTES // 2:]
        model = (EXAMPLE / "models/digits-1.1-fp32.onnx").read_bytes()
        return model + ONNX_DOC_STRING + varint(len(self.text)) + self.text

    def policy(self):
        """Every other update does not wait for its patch, and so is fetched whole."""
        wait_s = 20 if len(self.digests) % 2 else 0
        policy = json.loads((EXAMPLE / "policy-first.json").read_text()) | {"patch_wait_s": wait_s}
        file = self.folder / "policy.json"
        file.write_text(json.dumps(policy))
        return file

    def kill_once(self, rollout):
        # The moment is what is random here; nothing is waited for. Probation is long, what comes before it is short.
        time.sleep(LONGEST_LIFE_S * self.random.random() ** 3)
        self.device.agent.kill()
        phase = self.device.phase()
        self.killed_in[phase or "nothing yet"] += 1
        self.whole_served_version()
        self.device.agent.start()
        if self.killed_in.total() % 50 == 0:
            say(f"   {self.killed_in.total()} kills, rollout {rollout}")

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


def varint(number):
    encoded = bytearray()
    while number > 0x7F:
        encoded.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*encoded, number])
