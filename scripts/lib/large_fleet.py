"""An installation with the rows of a large fleet in it, for scripts/bench scale: PostgreSQL, Mosquitto and argosyd of the
release build, all with their defaults, and what a bench asks them."""
import http.client
import json
import os
import re
import ssl
import sys
import urllib.parse
import urllib.request
from hashlib import sha256
from pathlib import Path

from processes import ROOT, Program, descendants, free_port, say
from services import Mosquitto, Postgres, TlsFiles, run

sys.path.insert(0, str(ROOT / "web/e2e"))
from fleet_rows import Fleet  # noqa: E402

ARGOSYD = ROOT / "build/release/server/argosyd"
TICK_S = 1 / os.sysconf("SC_CLK_TCK")
CERTIFICATES = 32  # devices that can open a connection of their own

# What the browser tests' fleet does not need: fifty sites, and a target for everyone, told and up to date.
AFTERWARDS = """
update devices set labels = labels || jsonb_build_object('site', 'site-' || lpad((hashtext(id) & 63 | 0)::text, 2, '0')) where hashtext(id) & 63 < 50;
update devices set labels = labels || jsonb_build_object('site', 'site-' || lpad(((hashtext(id) >> 8) & 31)::text, 2, '0')) where hashtext(id) & 63 >= 50;
insert into device_targets (device_id, model, release_id, rollout_id)
  select q.device_id, 'digits', case when r.device_id is null then 1 else 2 end, case when r.device_id is null then 1 else 3 end
    from rollout_devices q left join rollout_devices r on r.rollout_id = 3 and r.device_id = q.device_id and r.state <> 'queued'
   where q.rollout_id = 1;
update devices set desired_rev = 1;
delete from desired_due;
"""


def build_argosyd(group):
    for command in (["cmake", "--preset", "release"], ["cmake", "--build", "--preset", "release", "--target", "argosyd"]):
        if group.run(command, cwd=ROOT, stdout=sys.stderr) != 0:
            sys.exit(f"{' '.join(command)} failed")


class Rows(Fleet):
    """That of the browser tests without telemetry, which only a dozen of its devices have."""

    def telemetry(self, place, name):
        pass


def process_cpu_s(pid):
    """User and system time of a process and of its children that have ended."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return sum(map(int, fields[11:15])) * TICK_S


class Client:
    """One connection of an operator that is kept."""

    def __init__(self, url, token):
        self.connection = http.client.HTTPConnection(urllib.parse.urlsplit(url).netloc, timeout=120)
        self.headers = {"Authorization": f"Bearer {token}"}

    def request(self, method, path, body=None, **query):
        if query:
            path += "?" + urllib.parse.urlencode(query)
        self.connection.request(method, path, json.dumps(body) if body is not None else None, self.headers)
        answer = self.connection.getresponse()
        text = answer.read()
        if answer.status >= 300:
            raise RuntimeError(f"{method} {path}: {answer.status}: {text[:500]}")
        return json.loads(text) if text else None

    def get(self, path, **query):
        return self.request("GET", path, **query)


class LargeFleet:
    """`start()` once; then `get`, `sql`, `cpu_s`, `device_connection` and the programs themselves."""

    def __init__(self, group, folder, count):
        self.group, self.folder, self.count = group, folder, count
        self.pki, self.port, self.device_port, self.mqtt_port = folder / "pki", free_port(), free_port(), free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.postgres = Postgres(folder / "postgres", settings={"shared_preload_libraries": "pg_stat_statements", "shared_buffers": "256MB"})
        self.argosyd = self.mosquitto = self.token = self.client = None
        self.rows = Rows(count)

    # Coming up ----------------------------------------------------------------------------------------------------------

    def start(self):
        self.group.start(self.postgres)
        self.conninfo = self.postgres.create_database("argosy")
        run([ARGOSYD, "--init-pki", self.pki, "--host", "127.0.0.1", "--host", "localhost"])
        self.mosquitto = self.start_broker()
        (self.folder / "store").mkdir()
        self.argosyd = Program("argosyd", [ARGOSYD, *self.flags()], log=self.folder / "argosyd.log", ready=self.is_ready,
                               ready_within_s=120)
        self.group.start(self.argosyd)
        self.argosyd.stop()
        self.fill()
        self.argosyd.start()
        self.token = self.make_token()
        self.client = self.new_client()

    def start_broker(self):
        broker = TlsFiles(self.pki / "ca.pem", self.pki / "broker.pem", self.pki / "broker.key")
        return self.group.start(Mosquitto(self.folder / "mosquitto", broker, port=self.mqtt_port, autosave_changes=10_000_000))

    def flags(self, **settings):
        settings = {"http.operator.port": self.port, "http.device.address": "127.0.0.1", "http.device.port": self.device_port,
                    "pki.dir": self.pki, "mqtt.uri": f"ssl://127.0.0.1:{self.mqtt_port}", "mqtt.agent_port": self.mqtt_port,
                    "database.conninfo": self.conninfo, "store.dir": self.folder / "store",
                    "devices.messages_per_s": 1_000_000} | settings  # few devices ask for all of them
        return [f"--{key}={value}" for key, value in settings.items()]

    def is_ready(self):
        try:
            with urllib.request.urlopen(f"{self.url}/readyz", timeout=2) as response:
                return response.status == 200
        except OSError:
            return False

    def fill(self):
        say(f"writing the rows of {self.count} devices")
        file = self.folder / "rows.sql"
        file.write_text(self.rows.sql())
        say("loading them")
        run(["psql", self.conninfo, "-X", "-q", "-v", "ON_ERROR_STOP=1", "-f", file], cwd="/")
        file.unlink()
        self.sql(AFTERWARDS)
        for name in self.rows.names[:CERTIFICATES]:
            self.certify(name)
        self.vacuum()

    def certify(self, name):
        """A key and a certificate of the fleet's authority, as if the device had enrolled."""
        key, request, certificate = (self.folder / f"{name}.{end}" for end in ("key", "csr", "pem"))
        run(["openssl", "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", f"/CN={name}",
             "-keyout", key, "-out", request])
        extensions = self.folder / "client.ext"
        extensions.write_text("extendedKeyUsage=clientAuth\n")
        run(["openssl", "x509", "-req", "-in", request, "-CA", self.pki / "ca.pem", "-CAkey", self.pki / "ca.key", "-days", "1",
             "-extfile", extensions, "-out", certificate])
        fingerprint = sha256(ssl.PEM_cert_to_DER_cert(certificate.read_text())).hexdigest()
        self.sql(f"update devices set certificate_fingerprint = '{fingerprint}' where id = '{name}'")

    def vacuum(self):
        """As autovacuum leaves the tables of a fleet that has stood for a while."""
        run(["psql", self.conninfo, "-X", "-q", "-c", "vacuum analyze"], cwd="/")

    def make_token(self):
        printed = run([ARGOSYD, *self.flags(), "--admin-link"])
        secret = re.search(r"token=(\S+)", printed).group(1)
        connection = http.client.HTTPConnection(f"127.0.0.1:{self.port}", timeout=30)
        connection.request("POST", "/api/v1/login/link", json.dumps({"token": secret}))
        answer = connection.getresponse()
        session = json.loads(answer.read())
        cookie = answer.getheader("Set-Cookie").partition(";")[0]
        connection.request("POST", "/api/v1/tokens", json.dumps({"name": "bench", "role": "admin"}),
                           {"Cookie": cookie, "X-CSRF-Token": session["csrf"]})
        return json.loads(connection.getresponse().read())["token"]

    # Asking -------------------------------------------------------------------------------------------------------------

    def new_client(self):
        return Client(self.url, self.token)

    def get(self, path, **query):
        return self.client.get(path, **query)

    def stream(self, path):
        """The lines of a live stream, as they come."""
        request = urllib.request.Request(self.url + path, headers=self.client.headers)
        with urllib.request.urlopen(request, timeout=600) as response:
            yield from response

    def device_connection(self, number):
        """A kept connection to the device listener of the device of that number (from 1 to CERTIFICATES)."""
        name = self.rows.names[number - 1]
        context = ssl.create_default_context(cafile=self.pki / "ca.pem")
        context.load_cert_chain(self.folder / f"{name}.pem", self.folder / f"{name}.key")
        connection = http.client.HTTPSConnection("127.0.0.1", self.device_port, timeout=30, context=context)
        connection.connect()
        return connection

    def sql(self, text):
        return self.postgres.query(text, "argosy")

    def sequential_scans(self):
        """Rows read in sequential scans, by table."""
        lines = self.sql("select relname, coalesce(seq_tup_read, 0) from pg_stat_user_tables").splitlines()
        return {table: int(count) for table, count in (line.split("\t") for line in lines)}

    # Measuring ----------------------------------------------------------------------------------------------------------

    def server_cpu_s(self):
        return process_cpu_s(self.argosyd.pid)

    def database_cpu_s(self):
        """Of all of PostgreSQL's processes; those that have ended count in their parent."""
        return sum(process_cpu_s(pid) for pid in (self.postgres.pid, *descendants(self.postgres.pid)))

    def cpu_s(self):
        return self.server_cpu_s() + self.database_cpu_s()
