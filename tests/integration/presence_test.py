"""Why a device is away: a real agent is stopped, killed, and loses its broker."""
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))

from real_board import RealBoards  # noqa: E402, I001  (it knows where the next are)
from processes import wait_until  # noqa: E402


class PresenceOfAnAgent(RealBoards):
    def board(self, name):
        agent = super().board(name)
        self.becomes(name, "online", "heard")
        wait_until(lambda: "MQTT: connected" in agent.log_tail(200), 20, "it is at the broker")
        return agent

    def becomes(self, name, presence, cause):
        def is_so():
            device = self.api("GET", f"/api/v1/devices/{name}").json()
            return (device.get("presence"), device.get("presence_cause")) == (presence, cause)
        wait_until(is_so, 30, f"{name} is {presence}: {cause}")

    def test_an_agent_that_is_stopped_says_goodbye_and_one_that_is_killed_does_not(self):
        agent = self.board("cam-1")
        agent.stop()
        self.becomes("cam-1", "offline", "said_goodbye")
        agent.start()
        self.becomes("cam-1", "online", "heard")
        wait_until(lambda: agent.log_tail(200).count("MQTT: connected") > 1, 20, "it is at the broker again")
        agent.kill()
        self.becomes("cam-1", "offline", "connection_broke")

    def test_a_broker_that_is_away_makes_nobody_offline(self):
        self.board("cam-2")
        self.installation.mosquitto.kill()
        away = "select count(*) from presence_watch where watched_until < now() - interval '5 s'"
        wait_until(lambda: self.installation.count(away) == 1, 30, "nobody watches, for longer than would make it offline")
        self.assertFalse(self.api("GET", "/readyz").json()["mqtt"])
        self.installation.mosquitto.start()
        wait_until(lambda: self.api("GET", "/readyz").json()["mqtt"], 30, "argosyd is at the broker again")
        self.becomes("cam-2", "online", "heard")
        offline = "select count(*) from events where device_id = 'cam-2' and details ->> 'to' = 'offline'"
        self.assertEqual(self.installation.count(offline), 0)
