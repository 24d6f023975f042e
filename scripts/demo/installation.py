"""One private Argosy installation: PostgreSQL, Mosquitto, certificates and argosyd, with all its files in one folder."""
import re
import urllib.request
from pathlib import Path

from processes import ROOT, Program, accepts_connections, free_port
from services import Mosquitto, Postgres, TlsFiles, run

CONFIG = """\
[http.operator]
port = {port}
web_root = "{web}"

[http.device]
address = "127.0.0.1"
port = {device_port}

[pki]
dir = "{pki}"

[database]
conninfo = "{conninfo}"

[mqtt]
uri = "ssl://127.0.0.1:{mqtt_port}"
agent_port = {mqtt_port}

[store]
dir = "{store}"

# A demonstration shows in seconds what a fleet shows in hours.
[leader]
check_ms = 300

[presence]
time_scale = 0.7

[rollouts]
tick_ms = 200
guard_interval_ms = 1000

[drift]
tick_ms = 500
interval_ms = 1000
samples = 600
"""


class Installation:
    def __init__(self, group, folder, build, port):
        self.group, self.folder, self.build = group, Path(folder), build
        self.argosyd_program = build / "server/argosyd"
        self.pki, self.cli_home = self.folder / "pki", self.folder / "cli"
        self.ca = self.pki / "ca.pem"
        self.config = self.folder / "argosyd.toml"
        self.port = self._kept_port("operator", port)
        self.device_port, self.mqtt_port = self._kept_port("device", 8443), self._kept_port("mqtt", 8883)
        self.url, self.device_url = f"http://127.0.0.1:{self.port}", f"https://127.0.0.1:{self.device_port}"
        self.postgres = Postgres(self.folder / "postgres", durable=True)
        self.mosquitto = self.argosyd = None

    def start(self):
        self.group.start(self.postgres)
        conninfo = self.postgres.create_database("argosy")
        run([self.argosyd_program, "--init-pki", self.pki, "--host", "127.0.0.1", "--host", "localhost"])
        self.mosquitto = Mosquitto(self.folder / "mosquitto",
                                   TlsFiles(self.ca, self.pki / "broker.pem", self.pki / "broker.key"), port=self.mqtt_port)
        self.group.start(self.mosquitto)
        self.config.write_text(CONFIG.format(
            port=self.port, device_port=self.device_port, mqtt_port=self.mqtt_port, conninfo=conninfo, pki=self.pki,
            web=ROOT / "web/dist", store=self.folder / "store"))
        self.config.chmod(0o600)
        self.argosyd = Program("argosyd", [self.argosyd_program, "--config", self.config],
                               log=self.folder / "argosyd.log", ready=self._is_ready)
        self.group.start(self.argosyd)

    def admin_link(self):
        """A fresh one-time link to the dashboard."""
        printed = run([self.argosyd_program, "--config", self.config, "--admin-link"])
        return re.search(r"https?://\S+token=\S+", printed).group(0)

    def rows(self, sql):
        printed = self.postgres.query(sql, "argosy")
        return [line.split("\t") for line in printed.splitlines()]

    def count(self, sql):
        return int(self.rows(sql)[0][0])

    def _is_ready(self):
        try:
            with urllib.request.urlopen(f"{self.url}/readyz", timeout=2) as answer:
                return answer.status == 200
        except OSError:
            return False

    def _kept_port(self, name, wanted):
        """The port of the last run, so that devices still find their server; else the wanted one, else a free one."""
        file = self.folder / "ports" / name
        kept = int(file.read_text()) if file.exists() else wanted
        port = free_port() if accepts_connections(kept) else kept
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(str(port))
        return port
