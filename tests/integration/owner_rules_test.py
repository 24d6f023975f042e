"""A real agent behind a proxy, whose owner says when it may download and switch: the server sees why it waits."""
import datetime
import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))

from real_board import RealBoards  # noqa: E402, I001  (it knows where the next are)
from running_argosy import ROOT  # noqa: E402
from processes import NotReady, Program, wait_until  # noqa: E402

MODELS = ROOT / "examples/digits/models"
PROXY = ROOT / "tests/unit/agent/link/connect_proxy.py"
CREDENTIALS = "Basic Y2FtOnNlY3JldA=="  # cam:secret
RULES = """\
[network]
proxy = "{proxy}"
no_proxy = []
[downloads]
max_mb_per_day = 100
metered_file = "{folder}/metered"
[activation]
windows = {windows}
"""


class OwnerRules(RealBoards):
    def setUp(self):
        self.proxy_log, port_file = self.folder / "proxy.log", self.folder / "proxy.port"
        self.group.start(Program("proxy", [sys.executable, PROXY, self.proxy_log, 200], log=port_file,
                                 ready=lambda: port_file.read_text().endswith("\n")))
        self.proxy_port = port_file.read_text().strip()
        self.policy = self.folder / "policy.json"
        self.policy.write_text(json.dumps({"waves": [{"share": 1.0}], "probation": {"duration_s": 1, "min_observations": 0},
                                           "gate": {"min_executed": 1, "success_share": 0.9, "bake_s": 0}}))
        self.prepare("cam-1", self.folder)
        self.agent = self.agent_in(self.folder, {"https_proxy": "http://nobody.invalid:1"})

    def restart_agent(self, *, metered, windows=(), proxied=True):
        """As if the device were carried elsewhere: a link of another kind, other hours."""
        self.agent.stop()
        (self.folder / "metered").write_text("yes\n" if metered else "no\n")
        self.configure("cam-1", self.folder, RULES.format(
            folder=self.folder, proxy=f"http://cam:secret@127.0.0.1:{self.proxy_port}" if proxied else "",
            windows=json.dumps(list(windows))))
        self.group.start(self.agent)

    def agent_log(self):
        return (self.folder / "agent.log").read_text()

    def roll_out(self, version, file):
        self.argosy("release", "publish", f"digits@{version}", "--variant", file)
        return self.argosy("rollout", "create", f"digits@{version}", "--policy", self.policy, "--start")["id"]

    def device_in(self, rollout):
        items = self.api("GET", f"/api/v1/rollouts/{rollout}/devices").json()["items"]
        return items[0] if items else {"state": "", "message": ""}

    def wait_for(self, rollout, state, words=""):
        def is_there():
            seen = self.device_in(rollout)
            return seen["state"] == state and words in (seen["message"] or "")
        try:
            wait_until(is_there, 60, f"rollout {rollout}: {state}, {words}")
        except NotReady as late:
            self.fail(f"{late}: {self.device_in(rollout)}\n{self.agent.log_tail(40)}")

    def window_twelve_hours_away(self):
        begin = datetime.datetime.now() + datetime.timedelta(hours=12)
        return f"{begin:%H:%M}-{begin + datetime.timedelta(minutes=1):%H:%M}"

    def test_an_update_waits_for_its_owner_and_goes_through_the_proxy(self):
        self.restart_agent(metered=True)
        wait_until(lambda: self.argosy("device", "list"), 30, "the agent enrols")
        first = self.roll_out("1.0", MODELS / "digits-1.0-fp32.onnx")
        self.wait_for(first, "downloading", "the link is metered")
        self.restart_agent(metered=False)
        self.wait_for(first, "succeeded")

        window = self.window_twelve_hours_away()
        self.restart_agent(metered=False, windows=[window])
        second = self.roll_out("1.1", MODELS / "digits-1.1-fp32.onnx")
        self.wait_for(second, "validating", f"waiting for {window}")
        self.restart_agent(metered=False)
        self.wait_for(second, "succeeded")

        spent = json.loads((self.folder / "root/state/downloads.spent.json").read_text())["bytes"]
        self.assertGreaterEqual(spent, (MODELS / "digits-1.0-fp32.onnx").stat().st_size)
        asked = {line.rpartition("|")[::2] for line in self.proxy_log.read_text().splitlines()}
        self.assertEqual({credentials for _, credentials in asked}, {CREDENTIALS})
        server = self.installation.argosyd.device_url.removeprefix("https://")
        self.assertIn(server, {target for target, _ in asked})
        self.assertGreater(len(asked), 1, "the broker is reached through the proxy, too")
        self.assertNotIn("secret", self.agent_log())

        self.agent.stop()
        log = self.proxy_log.read_text()
        connected = self.agent_log().count("MQTT: connected")
        self.restart_agent(metered=False, proxied=False)
        wait_until(lambda: self.agent_log().count("MQTT: connected") > connected, 30,
                   "without a proxy, whatever the environment says")
        self.assertEqual(self.proxy_log.read_text(), log, "nobody asks it any more")
