"""The private services come up, keep their data through a crash, and never outlive the run that started them."""
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "scripts/lib"))

from processes import Group, NotReady, Program, free_port, parents_of_all_processes, wait_until  # noqa: E402
from services import Authority, Mosquitto, Postgres  # noqa: E402


class TemporaryFolder(unittest.TestCase):
    def setUp(self):
        self.folder = Path(tempfile.mkdtemp(prefix="argosy-test-"))
        self.folder.chmod(0o755)
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)


class Services(TemporaryFolder):
    def test_postgres_keeps_what_was_committed_through_a_kill(self):
        with Group() as group:
            postgres = group.start(Postgres(self.folder / "postgres"))
            postgres.create_database("fleet")
            postgres.query("create table t (n int); insert into t values (42)", "fleet")
            postgres.kill()
            self.assertFalse(postgres.is_alive())
            postgres.start()
            self.assertEqual(postgres.query("select n from t", "fleet"), "42")

    def test_postgres_refuses_a_wrong_password(self):
        with Group() as group:
            postgres = group.start(Postgres(self.folder / "postgres"))
            postgres.password = "wrong"
            with self.assertRaisesRegex(RuntimeError, "password authentication failed"):
                postgres.query("select 1")

    def test_the_broker_separates_devices_and_keeps_retained_messages_through_a_kill(self):
        with Group() as group:
            authority = Authority.create(self.folder / "tls")
            broker = group.start(Mosquitto(self.folder / "mosquitto", authority.broker_files(), autosave_changes=1))
            publish(broker, authority.issue("cam-1"), "argosy/v1/cam-1/up/state", "good")
            publish(broker, authority.issue("cam-1"), "argosy/v1/cam-2/up/state", "forged")
            broker.kill()
            broker.start()
            seen = subscribe(broker, authority.issue("argosyd"), "argosy/v1/+/up/#")
            self.assertEqual(seen, ["argosy/v1/cam-1/up/state good"])
            self.assertEqual(subscribe(broker, authority.issue("cam-2"), "argosy/v1/#"), [])

    def test_a_device_has_three_topics_to_write_and_no_more(self):
        with Group() as group:
            authority = Authority.create(self.folder / "tls")
            broker = group.start(Mosquitto(self.folder / "mosquitto", authority.broker_files()))
            device = authority.issue("cam-1")
            for topic in ("up/state", "up/telemetry", "up/event", "up/invented", "up", "up/state/below", "down/desired"):
                publish(broker, device, f"argosy/v1/cam-1/{topic}", "x")
            seen = subscribe(broker, authority.issue("argosyd"), "argosy/v1/#")
            self.assertEqual(sorted(seen), [f"argosy/v1/cam-1/up/{kind} x" for kind in ("event", "state", "telemetry")])

    def test_the_broker_reads_the_list_of_revoked_certificates_again_when_it_changes(self):
        with Group() as group:
            authority = Authority.create(self.folder / "tls")
            broker = group.start(Mosquitto(self.folder / "mosquitto", authority.broker_files()))
            revoked, other = authority.issue("cam-1"), authority.issue("cam-2")
            self.assertEqual(publish(broker, revoked, "argosy/v1/cam-1/up/state", "x"), 0)
            authority.revoke(revoked.certificate)
            wait_until(lambda: publish(broker, revoked, "argosy/v1/cam-1/up/state", "x", check=False) != 0, 5, "refused")
            self.assertEqual(publish(broker, other, "argosy/v1/cam-2/up/state", "x"), 0)
            broker.restart()
            self.assertNotEqual(publish(broker, revoked, "argosy/v1/cam-1/up/state", "x", check=False), 0)

    def test_the_broker_refuses_a_stranger(self):
        with Group() as group:
            authority = Authority.create(self.folder / "tls")
            broker = group.start(Mosquitto(self.folder / "mosquitto", authority.broker_files()))
            stranger = Authority.create(self.folder / "elsewhere").issue("cam-1")
            tls = stranger._replace(ca=authority.certificate)
            self.assertNotEqual(publish(broker, tls, "argosy/v1/cam-1/up/state", "x", check=False), 0)


class LeavingNothingBehind(TemporaryFolder):
    COMMAND = ["scripts/lib/with-services", "--postgres", "--", "bash", "-c", "sleep 600 & echo started; wait"]

    def start_run(self):
        run = subprocess.Popen(self.COMMAND, cwd=ROOT, stdout=subprocess.PIPE, text=True,
                               env={**os.environ, "TMPDIR": str(self.folder)}, start_new_session=True)
        self.addCleanup(run.stdout.close)
        self.assertEqual(run.stdout.readline(), "started\n")
        return run

    def processes_of_this_run(self):
        return [pid for pid in parents_of_all_processes() if self.belongs(pid)]

    def belongs(self, pid):
        try:
            return f"TMPDIR={self.folder}".encode() in Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
        except OSError:
            return False

    def test_every_way_of_ending_a_run(self):
        ways = {"Ctrl-C": lambda pid: os.killpg(pid, signal.SIGINT), "SIGINT": lambda pid: os.kill(pid, signal.SIGINT),
                "SIGTERM": lambda pid: os.kill(pid, signal.SIGTERM), "SIGHUP": lambda pid: os.kill(pid, signal.SIGHUP)}
        for name, end in ways.items():
            with self.subTest(name):
                run = self.start_run()
                self.assertGreaterEqual(len(self.processes_of_this_run()), 3)
                end(run.pid)
                self.assertNotEqual(run.wait(30), 0)
                self.assertEqual(self.processes_of_this_run(), [])
                self.assertEqual(list(self.folder.glob("argosy-services-*")), [])

    def test_the_services_follow_a_killed_run(self):
        run = self.start_run()
        run.kill()
        run.wait()
        wait_until(lambda: not [pid for pid in self.processes_of_this_run() if "postgres" in command_of(pid)], 20,
                   "end of PostgreSQL")
        for pid in self.processes_of_this_run():
            os.kill(pid, signal.SIGKILL)


class AProgram(TemporaryFolder):
    def test_that_dies_before_it_is_ready_shows_the_end_of_its_log(self):
        program = Program("doomed", ["sh", "-c", "echo no such port; exit 3"], log=self.folder / "log", ready=lambda: False)
        with Group() as group, self.assertRaisesRegex(NotReady, "(?s)status 3.*no such port"):
            group.start(program)

    def test_that_ignores_the_stop_signal_is_killed_with_all_it_started(self):
        stubborn = "trap '' TERM; (trap '' TERM; while :; do sleep 60; done) & echo up; while :; do sleep 60; done"
        program = Program("stubborn", ["bash", "-c", stubborn], log=self.folder / "log", stop_within_s=0.2)
        program.ready = lambda: "up" in program.log_text()
        with Group() as group:
            pid = group.start(program).pid
        self.assertNotIn(pid, parents_of_all_processes())

    def test_of_an_outer_group_outlives_an_inner_one(self):
        with Group() as outer:
            program = outer.start(Program("lasting", ["sleep", "600"], log=self.folder / "log"))
            with Group() as inner:
                inner.start(Program("passing", ["sleep", "600"], log=self.folder / "log"))
            self.assertTrue(program.is_alive())

    def test_ports_given_out_differ(self):
        self.assertEqual(len({free_port() for _ in range(50)}), 50)


def tls_arguments(broker, tls):
    return ["-h", "127.0.0.1", "-p", str(broker.port), "--cafile", tls.ca, "--cert", tls.certificate, "--key", tls.key]


def publish(broker, tls, topic, message, check=True):
    return subprocess.run(["mosquitto_pub", *tls_arguments(broker, tls), "-t", topic, "-m", message, "-q", "1", "-r"],
                          check=check, stderr=subprocess.DEVNULL).returncode


def subscribe(broker, tls, topic):
    """Every retained message on the topic, one line each."""
    done = subprocess.run(["mosquitto_sub", *tls_arguments(broker, tls), "-t", topic, "-v", "-W", "1"],
                          stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=False)
    return done.stdout.splitlines()


def command_of(pid):
    try:
        return Path(f"/proc/{pid}/cmdline").read_text()
    except OSError:
        return ""


if __name__ == "__main__":
    unittest.main()
