"""Devices over real MQTT while broker, database and server are killed (SIGKILL) again and again, at random moments: in the end
everything that was made is stored, each record once. ARGOSY_SERVICE_KILLS_S says for how long (15 s), ARGOSY_KILL_DEVICES with
how many devices (30), ARGOSY_SEED which moments; a seed that was drawn is printed."""
import os
import random
import secrets
import signal
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))

from running_argosy import RunningArgosy  # noqa: E402, I001  (it knows where the next are)
from processes import NotReady, descendants, say, send_signal, wait_until  # noqa: E402
from services import TlsFiles  # noqa: E402
from played_device import PlayedDevice  # noqa: E402

SECONDS = float(os.environ.get("ARGOSY_SERVICE_KILLS_S", "15"))
DEVICES = int(os.environ.get("ARGOSY_KILL_DEVICES", "30"))


class ServiceKills(RunningArgosy):
    OWN_POSTGRES = True

    def enrol_all(self):
        claim = self.make_claim(max_uses=DEVICES)
        for number in range(DEVICES):
            name = f"cam-{number}"
            key, csr = self.certificate_request(name)
            answer = self.ask_to_enrol(name, claim, csr)
            self.assertEqual(answer.status, 201, answer.body)
            certificate = self.folder / f"{name}.pem"
            certificate.write_text(answer.json()["certificate"])
            yield PlayedDevice(name, self.installation.mqtt_port, TlsFiles(self.installation.ca, certificate, key),
                               record_every_s=1, state_every_s=5)

    def kill_at_random(self):
        """How often each was killed."""
        seed = int(os.environ.get("ARGOSY_SEED") or secrets.randbelow(2**32))
        say(f"ARGOSY_SEED={seed}")
        moments, installation = random.Random(seed), self.installation
        victims = (installation.mosquitto, installation.postgres, installation.argosyd)
        killed = dict.fromkeys((victim.name for victim in victims), 0)
        ends_at = time.monotonic() + SECONDS
        while time.monotonic() < ends_at:
            time.sleep(moments.uniform(0.2, 2.5))  # not a wait: the moment is what is tried
            victim = moments.choice(victims)
            victim.kill()
            victim.start()
            if not installation.argosyd.is_alive():  # it may not come up while its database does; it is started again as systemd would
                installation.argosyd.start()
            killed[victim.name] += 1
        return killed

    def test_a_database_that_stands_still_is_told_of_soon(self):
        still = [self.installation.postgres.pid, *descendants(self.installation.postgres.pid)]
        send_signal(still, signal.SIGSTOP)
        try:
            self.assertEqual(self.send(self.operator(), "GET", "/livez").status, 200)
            answer = self.send(self.operator(), "GET", "/readyz")
            self.assertEqual(answer.status, 503)
            self.assertIn("does not answer", answer.body.decode())
        finally:
            send_signal(still, signal.SIGCONT)
        wait_until(lambda: self.send(self.operator(), "GET", "/readyz").status == 200, 20, "the database answers again")

    def test_what_was_made_is_stored_once(self):
        fleet = [device.start() for device in self.enrol_all()]
        self.addCleanup(lambda: [device.end() for device in fleet])
        killed = self.kill_at_random()
        self.assertGreater(sum(killed.values()), 0)
        for device in fleet:
            device.stop_making_records()
        try:
            wait_until(lambda: all(device.settled for device in fleet), 90, "every record is acknowledged", 0.2)
        except NotReady:
            self.fail({device.name: (device.made, device.acked) for device in fleet if not device.settled})
        self.assertEqual([device.faults for device in fleet if device.faults], [])
        for device in fleet:
            epochs = self.api("GET", f"/api/v1/devices/{device.name}/telemetry-integrity").json()["items"]
            self.assertEqual([(epoch["epoch"], epoch["stored"], epoch["lost"], epoch["duplicates"], epoch["gaps"]) for epoch in epochs],
                             [(device.epoch, device.made, 0, 0, 0)], device.name)
        say(f"killed {killed}; {sum(device.made for device in fleet)} records of {DEVICES} devices, each stored once")
