"""The services Argosy stands on, private to one run: a PostgreSQL 15 cluster and a Mosquitto with client certificates.

Both listen on loopback only, keep all their files in one folder, and come back with their data after restart() or kill().
They are Programs (processes.py): start them through a Group and they leave no process behind.

    with Group() as group:
        postgres = group.start(Postgres(folder / "postgres"))
        authority = Authority.create(folder / "tls")
        broker = group.start(Mosquitto(folder / "mosquitto", authority.broker_files()))
        postgres.kill(); postgres.start()           # a crash and a recovery

For a test that only needs to know where they are: start_services(), or around a command scripts/lib/with-services.
"""
import hashlib
import os
import pwd
import secrets
import shutil
import signal
import subprocess
from collections import namedtuple
from pathlib import Path

from processes import ROOT, Program, accepts_connections, free_port

TlsFiles = namedtuple("TlsFiles", "ca certificate key")
TEMPLATE = Path(__file__).with_name("mosquitto.conf.in")


def run(argv, **options):
    """Run a short command; its output becomes the error when it fails."""
    done = subprocess.run([str(word) for word in argv], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, **options)
    if done.returncode != 0:
        raise RuntimeError(f"{argv[0]} ended with status {done.returncode}:\n{done.stdout}")
    return done.stdout


def postgres_bin(name):
    for folder in (os.environ.get("ARGOSY_PG_BIN"), "/usr/lib/postgresql/15/bin"):
        if folder and os.access(f"{folder}/{name}", os.X_OK):
            return f"{folder}/{name}"
    found = shutil.which(name)
    if not found:
        raise FileNotFoundError(f"{name}: PostgreSQL 15 is missing: run scripts/setup or set ARGOSY_PG_BIN to its bin folder")
    return found


def unprivileged_user():
    """PostgreSQL refuses to run as root; the Debian package brings the user postgres."""
    return "postgres" if os.getuid() == 0 else None


def reachable_by(user, folder):
    """Whether another user can walk down to the folder."""
    return user is None or all(parent.stat().st_mode & 0o001 for parent in folder.resolve().parents if parent.exists())


def lasting_folder(name):
    """Where a service's data may stay from one run to the next: .argosy/NAME of this checkout, or, when the checkout is
    where PostgreSQL's user cannot reach it (below /root), a folder in /var/tmp that belongs to this checkout."""
    folder = ROOT / ".argosy" / name
    if reachable_by(unprivileged_user(), folder):
        return folder
    checkout = hashlib.sha256(str(ROOT).encode()).hexdigest()[:12]
    return Path("/var/tmp") / f"argosy-{checkout}" / name


class Postgres(Program):
    """A cluster with the superuser `argosy` and a random password (`postgres.password`), on a loopback port only.

    durable=False trades safety against a power cut for speed; a kill -9 still loses nothing that was committed.
    """

    def __init__(self, folder, port=None, durable=False):
        self.folder = Path(folder).resolve()
        self.data, self.port = self.folder / "data", port or self._remembered_port() or free_port()
        self.password = None
        options = {"port": self.port, "listen_addresses": "127.0.0.1", "unix_socket_directories": "",
                   "max_connections": 100, "shared_buffers": "64MB", "log_min_messages": "warning",
                   "fsync": "on" if durable else "off", "full_page_writes": "on" if durable else "off"}
        flags = [word for name, value in options.items() for word in ("-c", f"{name}={value}")]
        super().__init__("postgres", [postgres_bin("postgres"), "-D", self.data, *flags], log=self.folder / "postgres.log",
                         user=unprivileged_user(), cwd="/", ready=self._answers, stop_signal=signal.SIGINT)

    def launch(self):
        self._create_once()
        super().launch()

    def conninfo(self, database="postgres"):
        return f"host=127.0.0.1 port={self.port} user=argosy password={self.password} dbname={database}"

    def create_database(self, name):
        """Make the database unless it is there."""
        there = self.query(f"select 1 from pg_database where datname = '{name}'")
        if not there:
            self.query(f'create database "{name}"')
        return self.conninfo(name)

    def query(self, sql, database="postgres"):
        """The result of one statement, a line a row, columns parted by tabs."""
        return run(["psql", self.conninfo(database), "-X", "-q", "-A", "-t", "-F", "\t", "-v", "ON_ERROR_STOP=1", "-c", sql],
                   cwd="/").strip()

    def _remembered_port(self):
        """The port of an earlier run, so that a kept configuration still finds its database."""
        file = self.folder / "port"
        if file.exists():
            port = int(file.read_text())
            if not accepts_connections(port):
                return port
        return None

    def _answers(self):
        return subprocess.run([postgres_bin("pg_isready"), "-q", "-h", "127.0.0.1", "-p", str(self.port)],
                              cwd="/").returncode == 0

    def _create_once(self):
        password_file = self.folder / "password"
        if not (self.data / "PG_VERSION").exists():
            self.folder.mkdir(parents=True, exist_ok=True)
            if not reachable_by(self.user, self.folder):
                raise PermissionError(f"{self.folder}: the user {self.user}, as which PostgreSQL must run, cannot reach it; "
                                      "take lasting_folder(NAME) or a folder below /tmp, or do not run as root")
            password_file.write_text(secrets.token_urlsafe(18))
            password_file.chmod(0o600)
            self._give_to_user()
            as_user = ["setpriv", "--reuid", self.user, "--regid", self.user, "--init-groups", "--"] if self.user else []
            run([*as_user, postgres_bin("initdb"), "-D", self.data, "-U", "argosy", "--pwfile", password_file, "-E", "UTF8",
                 "--locale", "C.UTF-8", "-A", "scram-sha-256", "--no-sync", "--no-instructions"], cwd="/")
        self.password = password_file.read_text().strip()
        (self.folder / "port").write_text(str(self.port))
        self._give_to_user()

    def _give_to_user(self):
        if self.user:
            owner = pwd.getpwnam(self.user)
            for path in (self.folder, *self.folder.glob("*")):
                os.chown(path, owner.pw_uid, owner.pw_gid)


class Mosquitto(Program):
    """The broker of protocol.md: client certificates required, the CN is user name and client id, topics by ACL.

    Its state survives restart(), and kill() but for the last `autosave_changes` changes. With `revoked` set to
    a CRL file it refuses the certificates in it; reload() makes it read that file again.
    """

    def __init__(self, folder, tls, port=None, revoked=None, autosave_changes=20):
        self.folder, self.tls, self.port = Path(folder).resolve(), tls, port or free_port()
        self.revoked, self.autosave_changes = revoked, autosave_changes
        self.config = self.folder / "mosquitto.conf"
        super().__init__("mosquitto", [self._program(), "-c", self.config], log=self.folder / "mosquitto.log",
                         ready=lambda: accepts_connections(self.port))

    @staticmethod
    def _program():
        found = shutil.which("mosquitto", path=os.environ.get("PATH", "") + ":/usr/sbin:/usr/local/sbin")
        if not found:
            raise FileNotFoundError("mosquitto is missing: run scripts/setup")
        return found

    def launch(self):
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / "data").mkdir(exist_ok=True)
        values = {"PORT": self.port, "FOLDER": self.folder, "CA": self.tls.ca, "CERTIFICATE": self.tls.certificate,
                  "KEY": self.tls.key, "USER": pwd.getpwuid(os.getuid()).pw_name, "AUTOSAVE": self.autosave_changes,
                  "REVOKED": f"crlfile {self.revoked}" if self.revoked else "# no revocation list"}
        acl, config = TEMPLATE.with_name("mosquitto.acl"), TEMPLATE.read_text()
        for name, value in values.items():
            config = config.replace(f"@{name}@", str(value))
        self.config.write_text(config)
        shutil.copy(acl, self.folder / "acl")
        super().launch()

    def reload(self):
        self.process.send_signal(signal.SIGHUP)


class Authority:
    """A certificate authority for tests, made with openssl: P-256 keys, certificates for a day."""

    def __init__(self, folder):
        self.folder = Path(folder)
        self.certificate, self.key = self.folder / "ca.pem", self.folder / "ca.key"

    @classmethod
    def create(cls, folder):
        authority = cls(folder)
        authority.folder.mkdir(parents=True, exist_ok=True)
        if not authority.certificate.exists():
            run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
                 "-subj", "/CN=Argosy test CA", "-addext", "keyUsage=critical,keyCertSign,cRLSign",
                 "-keyout", authority.key, "-out", authority.certificate])
        return authority

    def issue(self, common_name, names=()):
        """A certificate and its key; with names (`DNS:…`, `IP:…`) it serves for a server too."""
        key, certificate = self.folder / f"{common_name}.key", self.folder / f"{common_name}.pem"
        if not certificate.exists():
            extensions = ["extendedKeyUsage=clientAuth" + (",serverAuth" if names else "")]
            if names:
                extensions.append("subjectAltName=" + ",".join(names))
            (self.folder / "extensions").write_text("\n".join(extensions))
            request = self.folder / f"{common_name}.csr"
            run(["openssl", "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                 "-subj", f"/CN={common_name}", "-keyout", key, "-out", request])
            run(["openssl", "x509", "-req", "-in", request, "-CA", self.certificate, "-CAkey", self.key, "-days", "1",
                 "-set_serial", str(secrets.randbits(63)), "-extfile", self.folder / "extensions", "-out", certificate])
        return TlsFiles(self.certificate, certificate, key)

    def broker_files(self):
        return self.issue("broker", ("DNS:localhost", "IP:127.0.0.1"))


def start_services(group, folder, wanted):
    """Start what `wanted` names and return the environment variables that tell a test where it is."""
    environment = {}
    if "--postgres" in wanted:
        environment["ARGOSY_TEST_PG"] = group.start(Postgres(folder / "postgres")).conninfo()
    if "--mosquitto" in wanted:
        authority = Authority.create(folder / "tls")
        broker = group.start(Mosquitto(folder / "mosquitto", authority.broker_files()))
        for name in ("argosyd", "cam-1", "cam-2"):
            authority.issue(name)
        environment |= {"ARGOSY_TEST_MQTT_PORT": str(broker.port), "ARGOSY_TEST_TLS": str(authority.folder)}
    return environment
