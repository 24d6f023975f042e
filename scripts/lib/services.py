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
import fcntl
import hashlib
import os
import pwd
import secrets
import shutil
import signal
import subprocess
import tempfile
import threading
import time
from collections import namedtuple
from pathlib import Path

from processes import ROOT, Program, accepts_connections, free_port

TlsFiles = namedtuple("TlsFiles", "ca certificate key")
BROKER = ROOT / "deploy/mosquitto"  # what a private broker runs is what an installation runs


def run(argv, **options):
    """Run a short command; its output becomes the error when it fails."""
    done = subprocess.run([str(word) for word in argv], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, **options)
    if done.returncode != 0:
        raise RuntimeError(f"{argv[0]} ended with status {done.returncode}:\n{done.stdout}")
    return done.stdout


def catches(pid, number):
    """Whether the process has a handler for the signal: before it has, SIGHUP would end it."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return False
    caught = next(line for line in status.splitlines() if line.startswith("SigCgt:"))
    return bool(int(caught.split()[1], 16) >> (number - 1) & 1)


def postgres_bin(name):
    for folder in (os.environ.get("ARGOSY_PG_BIN"), "/usr/lib/postgresql/15/bin"):
        if folder and os.access(f"{folder}/{name}", os.X_OK):
            return f"{folder}/{name}"
    found = shutil.which(name)
    if not found:
        raise FileNotFoundError(f"{name}: PostgreSQL 15 is missing: run scripts/setup or set ARGOSY_PG_BIN to its bin folder")
    return found


def query(conninfo, sql):
    return run(["psql", conninfo, "-X", "-q", "-A", "-t", "-F", "\t", "-v", "ON_ERROR_STOP=1", "-c", sql], cwd="/").strip()


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
    `settings` are more of its parameters, or others than those here.
    """

    def __init__(self, folder, port=None, durable=False, settings=None):
        self.folder = Path(folder).resolve()
        self.data, self.port = self.folder / "data", port or self._remembered_port() or free_port()
        self.password = None
        options = {"port": self.port, "listen_addresses": "127.0.0.1", "unix_socket_directories": "",
                   "max_connections": 100, "shared_buffers": "64MB", "log_min_messages": "warning",
                   "fsync": "on" if durable else "off", "full_page_writes": "on" if durable else "off", **(settings or {})}
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
        return query(self.conninfo(database), sql)

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


PRIVATE_BROKER = """\
# The broker of one private run: deploy/mosquitto/argosy.conf, with what Debian's mosquitto.conf says besides.
user {user}
pid_file {folder}/mosquitto.pid
log_dest stderr
log_type error
log_type warning
log_type notice
persistence_location {folder}/data/
autosave_on_changes true
"""


class Mosquitto(Program):
    """The broker of protocol.md: client certificates required, the CN is user name and client id, topics by ACL.

    Its state survives restart(), and kill() but for the last `autosave_changes` changes. It refuses the certificates in
    the list `revoked` (by default crl.pem beside the authority, where there is one), and reads the list again when it
    changes, as argosy-revocations.path has it done in an installation.
    """

    def __init__(self, folder, tls, port=None, revoked=None, autosave_changes=20):
        self.folder, self.tls, self.port = Path(folder).resolve(), tls, port or free_port()
        self.revoked, self.autosave_changes = Path(revoked or Path(tls.ca).with_name("crl.pem")), autosave_changes
        self.config = self.folder / "mosquitto.conf"
        super().__init__("mosquitto", [self._program(), "-c", self.config], log=self.folder / "mosquitto.log",
                         ready=lambda: accepts_connections(self.port) and catches(self.process.pid, signal.SIGHUP))

    @staticmethod
    def _program():
        found = shutil.which("mosquitto", path=os.environ.get("PATH", "") + ":/usr/sbin:/usr/local/sbin")
        if not found:
            raise FileNotFoundError("mosquitto is missing: run scripts/setup")
        return found

    def launch(self):
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / "data").mkdir(exist_ok=True)
        self.config.write_text(self._configuration())
        (self.folder / "acl").write_text(self._acl())
        seen = self._revoked_file()
        super().launch()
        threading.Thread(target=self._reload_when_revoked, args=(self.process, seen), daemon=True).start()

    def reload(self):
        self.process.send_signal(signal.SIGHUP)

    @staticmethod
    def _acl():
        return (BROKER / "argosy.acl").read_text()

    def _configuration(self):
        """argosy.conf with this run's paths, port and pace in place of the installation's."""
        here = {"listener 8883": f"listener {self.port} 127.0.0.1",
                "cafile /etc/argosy/pki/ca.pem": f"cafile {self.tls.ca}",
                "certfile /etc/argosy/pki/broker.pem": f"certfile {self.tls.certificate}",
                "keyfile /etc/argosy/pki/broker.key": f"keyfile {self.tls.key}",
                "crlfile /etc/argosy/pki/crl.pem": f"crlfile {self.revoked}" if self.revoked.exists() else "",
                "acl_file /etc/argosy/argosy.acl": f"acl_file {self.folder}/acl",
                "autosave_interval 60": f"autosave_interval {self.autosave_changes}"}
        lines = (BROKER / "argosy.conf").read_text().splitlines()
        missing = set(here) - set(lines)
        if missing:
            raise RuntimeError(f"deploy/mosquitto/argosy.conf no longer says {sorted(missing)}: change services.py too")
        private = PRIVATE_BROKER.format(user=pwd.getpwuid(os.getuid()).pw_name, folder=self.folder)
        return private + "\n".join(here.get(line, line) for line in lines) + "\n"

    def _reload_when_revoked(self, process, seen, poll_s=0.05):
        """What argosy-revocations.path does, for as long as this process of the broker lives."""
        while process.poll() is None:
            now = self._revoked_file()
            if now not in (seen, None) and catches(process.pid, signal.SIGHUP):
                seen = now
                process.send_signal(signal.SIGHUP)
            time.sleep(poll_s)

    def _revoked_file(self):
        try:
            facts = self.revoked.stat()
        except FileNotFoundError:
            return None
        return facts.st_ino, facts.st_mtime_ns


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
            authority.revoke()
        return authority

    def revoke(self, *certificates):
        """Write crl.pem, the list of what is no longer good: these, and all that were named before."""
        config, index, number = (self.folder / name for name in ("ca.cnf", "index.txt", "crlnumber"))
        if not index.exists():
            index.touch()
            number.write_text("01\n")
            config.write_text(f"[ca]\ndefault_ca=here\n[here]\ndatabase={index}\ncrlnumber={number}\ndefault_md=sha256\n"
                              "default_crl_days=2\n")
        command = ["openssl", "ca", "-config", config, "-cert", self.certificate, "-keyfile", self.key]
        for certificate in certificates:
            run([*command, "-revoke", certificate])
        run([*command, "-gencrl", "-out", self.folder / "crl.new"])
        (self.folder / "crl.new").rename(self.folder / "crl.pem")

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


class SharedPostgres:
    """Databases of this process's own in one of the clusters that ARGOSY_TEST_CLUSTERS names, a connection string a line: no
    other process has the same cluster meanwhile, so that no transaction of another test holds back what events are seen.

    What a test asks of a Postgres that it neither kills nor configures.
    """

    def __init__(self, clusters):
        self.mark = secrets.token_hex(4)
        self.lock = None
        while not self.lock:  # there are as many clusters as processes, but for one that is about to end
            self.lock = next(filter(None, map(self._take, clusters)), None)
            time.sleep(0 if self.lock else 0.05)

    def conninfo(self, database="postgres"):
        return self.cluster.replace("dbname=postgres", f"dbname={self._own(database)}")

    def create_database(self, name):
        self.query(f'create database "{self._own(name)}"')
        return self.conninfo(name)

    def query(self, sql, database="postgres"):
        return query(self.conninfo(database), sql)

    def _own(self, database):
        return database if database == "postgres" else f"{database}_{self.mark}"

    def _take(self, cluster):
        lock = open(Path(tempfile.gettempdir()) / f"argosy-cluster-{hashlib.sha256(cluster.encode()).hexdigest()[:16]}", "w")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.close()
            return None
        self.cluster = cluster
        return lock


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
