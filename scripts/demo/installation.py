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
look_s = 40
"""


class Server(Program):
    """One argosyd, on ports of its own; those of an installation share its database, broker, store and authority."""

    def __init__(self, installation, name, port, device_port, env=None):
        self.url, self.device_url = f"http://127.0.0.1:{port}", f"https://127.0.0.1:{device_port}"
        self.config = installation.folder / f"{name}.toml"
        self.config.write_text(CONFIG.format(
            port=port, device_port=device_port, mqtt_port=installation.mqtt_port, pki=installation.pki,
            conninfo=installation.postgres.conninfo("argosy"), web=ROOT / "web/dist", store=installation.folder / "store"))
        self.config.chmod(0o600)
        super().__init__(name, [installation.argosyd_program, "--config", self.config],
                         log=installation.folder / f"{name}.log", ready=self._is_ready, env=env)

    def _is_ready(self):
        try:
            with urllib.request.urlopen(f"{self.url}/readyz", timeout=2) as answer:
                return answer.status == 200
        except OSError:
            return False


class Installation:
    """`postgres`: where its database lies; without it a cluster of its own. `env`: what its first argosyd finds there."""

    def __init__(self, group, folder, build, port, device_port=8443, mqtt_port=8883, postgres=None, env=None):
        self.env = env
        self.group, self.folder, self.build = group, Path(folder), build
        self.argosyd_program = build / "server/argosyd"
        self.pki, self.cli_home = self.folder / "pki", self.folder / "cli"
        self.ca = self.pki / "ca.pem"
        self.port, self.device_port = self._kept_port("operator", port), self._kept_port("device", device_port)
        self.mqtt_port = self._kept_port("mqtt", mqtt_port)
        self.postgres = postgres or Postgres(self.folder / "postgres", durable=True)
        self.mosquitto = self.argosyd = None

    def start(self):
        if isinstance(self.postgres, Postgres):
            self.group.start(self.postgres)
        self.postgres.create_database("argosy")
        run([self.argosyd_program, "--init-pki", self.pki, "--host", "127.0.0.1", "--host", "localhost"])
        self.mosquitto = Mosquitto(self.folder / "mosquitto",
                                   TlsFiles(self.ca, self.pki / "broker.pem", self.pki / "broker.key"), port=self.mqtt_port)
        self.group.start(self.mosquitto)
        self.argosyd = self.group.start(Server(self, "argosyd", self.port, self.device_port, self.env))

    def start_another(self, name, env=None):
        """A further argosyd beside the first, on free ports."""
        return self.group.start(Server(self, name, free_port(), free_port(), env))

    def admin_link(self):
        """A fresh one-time link to the dashboard."""
        printed = run([self.argosyd_program, "--config", self.argosyd.config, "--admin-link"])
        return re.search(r"https?://\S+token=\S+", printed).group(0)

    def rows(self, sql):
        printed = self.postgres.query(sql, "argosy")
        return [line.split("\t") for line in printed.splitlines()]

    def count(self, sql):
        return int(self.rows(sql)[0][0])

    def _kept_port(self, name, wanted):
        """The port of the last run, so that devices still find their server; else the wanted one, else a free one."""
        file = self.folder / "ports" / name
        kept = int(file.read_text()) if file.exists() else wanted
        port = free_port() if accepts_connections(kept) else kept
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(str(port))
        return port
