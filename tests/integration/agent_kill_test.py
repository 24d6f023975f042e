"""A real agent beside a real inference program is killed (SIGKILL) at random moments of update after update. Each time a
whole, verified model serves, and each rollout ends completed.

ARGOSY_KILLS is the number of kills: 15 by default (a minute or so); 500 is what a release is held to. ARGOSY_SEED replays
the moments of an earlier run."""
import collections
import os
import random
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))

from updated_device import UpdatedDevice  # noqa: E402, I001  (it knows where the next are)
from processes import say, wait_until  # noqa: E402

KILLS = int(os.environ.get("ARGOSY_KILLS", "15"))
SEED = int(os.environ.get("ARGOSY_SEED", str(random.SystemRandom().randrange(1 << 32))))
KILLS_IN_AN_UPDATE = 5  # after six starts without progress the agent gives an update up, rightly
LONGEST_LIFE_S = 1.2


class AgentKills(UpdatedDevice):
    def setUp(self):
        self.killed_in = collections.Counter()
        say(f"   {KILLS} kills, ARGOSY_SEED={SEED}")

    def test_a_whole_model_serves_whenever_the_agent_is_killed(self):
        self.start_device(random.Random(SEED))
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
        self.expect_served(rollout, version)
        wait_until(self.nothing_is_left_over, 20, "downloads are swept")

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
