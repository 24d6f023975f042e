"""Programs under our care: start, wait until ready, kill, restart, and leave none behind.

A Group belongs to the main thread. It ends its programs in reverse order when its `with` block is left, by whatever way:
an exception, Ctrl-C, SIGTERM or SIGHUP. If this process itself is killed, the kernel ends the programs (pdeathsig).
Nothing here sleeps for a guessed time: every wait names its condition and has a deadline.
"""
import ctypes
import os
import random
import select
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PR_SET_CHILD_SUBREAPER = 36
TIMED_OUT = 124
ENDING_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def say(message):
    print(time.strftime("%H:%M:%S"), message, file=sys.stderr, flush=True)


class NotReady(Exception):
    """A program ended, or took too long to get ready."""


def wait_until(condition, timeout_s, what, poll_s=None):
    """The first true value of condition(); NotReady after timeout_s, naming what was waited for. Looks every poll_s seconds;
    by itself every 0.02 at first, and every 0.1 once it has waited for a while: to look takes processor time from what is
    waited for."""
    begun_at = time.monotonic()
    deadline = begun_at + timeout_s
    while True:
        value = condition()
        if value:
            return value
        now = time.monotonic()
        if now >= deadline:
            raise NotReady(f"{what}: not within {timeout_s} s")
        time.sleep(min(max((now - begun_at) / 40, 0.02), 0.1) if poll_s is None else poll_s)


_given_ports = set()


def free_port():
    """A free loopback port below the range that outgoing connections take their own from, so that a service can come
    back on the same port after a crash: a client that retries could otherwise be sitting on it."""
    lowest_outgoing = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    for _ in range(1000):
        port = random.SystemRandom().randrange(10240, max(lowest_outgoing, 20480))
        if port in _given_ports:
            continue
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        _given_ports.add(port)
        return port
    raise OSError("no free loopback port in a thousand tries")


def accepts_connections(port):
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
        return True
    except OSError:
        return False


def parents_of_all_processes():
    """{pid: parent's pid} of every process, zombies left out."""
    parents = {}
    for entry in os.scandir("/proc"):
        if not entry.name.isdigit():
            continue
        try:
            stat = Path(entry.path, "stat").read_text()
        except OSError:
            continue
        state, parent = stat.rpartition(")")[2].split()[:2]
        if state != "Z":
            parents[int(entry.name)] = int(parent)
    return parents


def descendants(pid):
    """Every living process below pid, children before grandchildren."""
    parents = parents_of_all_processes()
    found, generation = [], [pid]
    while generation:
        generation = [child for child, parent in parents.items() if parent in generation]
        found += generation
    return found


def send_signal(pids, number):
    for pid in pids:
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            pass


def kill_tree(pid):
    """SIGKILL to pid and to everything below it, stopped first so that nothing is born meanwhile."""
    send_signal([pid], signal.SIGSTOP)
    below = descendants(pid)
    send_signal([pid, *below], signal.SIGKILL)
    return below


class Program:
    """One long-running process with its log. `ready` is asked again and again until it says yes."""

    def __init__(self, name, argv, *, log, ready=None, env=None, cwd=None, user=None, stop_signal=signal.SIGTERM,
                 ready_within_s=30, stop_within_s=10):
        self.name, self.argv, self.log = name, [str(word) for word in argv], Path(log)
        self.ready, self.user, self.cwd = ready or (lambda: True), user, cwd
        self.env = {**os.environ, **(env or {})}
        self.stop_signal, self.ready_within_s, self.stop_within_s = stop_signal, ready_within_s, stop_within_s
        self.process = None

    @property
    def pid(self):
        return self.process.pid if self.process else None

    def is_alive(self):
        return self.process is not None and self.process.poll() is None

    def launch(self):
        """Start without waiting until ready."""
        self.log.parent.mkdir(parents=True, exist_ok=True)
        death_signal = signal.Signals(self.stop_signal).name.removeprefix("SIG")
        wrapper = ["setpriv", "--pdeathsig", death_signal]
        if self.user:
            wrapper += ["--reuid", self.user, "--regid", self.user, "--init-groups"]
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen([*wrapper, "--", *self.argv], stdin=subprocess.DEVNULL, stdout=log,
                                            stderr=log, env=self.env, cwd=self.cwd, start_new_session=True)

    def start(self):
        self.launch()
        try:
            self.wait_until_ready()
        except BaseException:
            self.stop()
            raise
        return self

    def wait_until_ready(self):
        problem = None
        try:
            wait_until(lambda: not self.is_alive() or self.ready(), self.ready_within_s, f"{self.name} ready")
            if not self.is_alive():
                problem = f"{self.name} ended with status {self.process.returncode}"
        except NotReady as late:
            problem = str(late)
        if problem:
            raise NotReady(f"{problem}; the end of {self.log}:\n{self.log_tail()}")

    def stop(self):
        """Ask politely, wait, then kill. Whatever it started goes with it."""
        if self.process is None:
            return
        below = set(descendants(self.pid))
        if self.is_alive():
            self.process.send_signal(self.stop_signal)
            try:
                self.process.wait(self.stop_within_s)
            except subprocess.TimeoutExpired:
                say(f"{self.name} did not stop within {self.stop_within_s} s: killing it")
        self.kill()
        try:
            wait_until(lambda: not below & set(parents_of_all_processes()), self.stop_within_s, f"end of {self.name}'s children")
        except NotReady:
            send_signal(below, signal.SIGKILL)

    def kill(self):
        """kill -9 of the program and all it started; returns when they are gone."""
        if self.process is None:
            return
        pid = self.process.pid
        below = kill_tree(pid) if self.is_alive() else []
        self.process.wait()
        wait_until(lambda: not set(below) & set(parents_of_all_processes()), 10, f"end of {self.name}'s children")
        self.process = None

    def restart(self):
        self.stop()
        return self.start()

    def log_text(self):
        return self.log.read_text(errors="replace") if self.log.exists() else ""

    def log_tail(self, lines=20):
        return "\n".join(self.log_text().splitlines()[-lines:])


class Group:
    """The programs of one run. `with Group() as group: group.start(Program(...))`. Groups may nest; when the outermost is
    left, every process below this one ends, also those that a program left behind. A signal that asks to end arrives as
    KeyboardInterrupt, whichever it was."""
    open_groups = 0

    def __init__(self):
        self.programs = []

    def __enter__(self):
        Group.open_groups += 1
        # Orphans of our programs become our children, so that leaving finds them too.
        ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
        self._handlers = {number: signal.signal(number, self._leave) for number in ENDING_SIGNALS}
        return self

    @staticmethod
    def _leave(_number, _frame):
        for each in ENDING_SIGNALS:  # tidying up must not be cut short by a second Ctrl-C
            signal.signal(each, signal.SIG_IGN)
        raise KeyboardInterrupt

    def __exit__(self, *_):
        for number in ENDING_SIGNALS:
            signal.signal(number, signal.SIG_IGN)
        self.stop()
        Group.open_groups -= 1
        if Group.open_groups == 0:
            self._kill_stragglers()
        for number, handler in self._handlers.items():
            signal.signal(number, handler)

    def start(self, program):
        self.programs.append(program)
        return program.start()

    def stop(self):
        for program in reversed(self.programs):
            try:
                program.stop()
            except Exception as error:  # the others must still be stopped
                say(f"{program.name}: {error}")
        self.programs.clear()

    @staticmethod
    def _kill_stragglers():
        for _ in range(5):
            left = descendants(os.getpid())
            if not left:
                break
            send_signal(left, signal.SIGKILL)
            wait_until(lambda: not set(left) & set(parents_of_all_processes()), 10, "end of stragglers")
        try:
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        except ChildProcessError:
            pass

    def run(self, argv, timeout_s=None, log=None, **options):
        """Run a command to its end and return its exit status; with `log` its output goes there too. When we must leave
        early, it is ended first; one that takes longer than timeout_s is killed with all it started: TIMED_OUT."""
        argv = ["setpriv", "--pdeathsig", "TERM", "--", *(str(word) for word in argv)]
        if log:
            options |= {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
        process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, **options)
        deadline = time.monotonic() + timeout_s if timeout_s else None
        try:
            if log:
                copy_output(process, log, deadline)
            return process.wait(deadline and max(deadline - time.monotonic(), 0))
        except subprocess.TimeoutExpired:
            say(f"{argv[4]} took longer than {timeout_s} s: killing it")
            kill_tree(process.pid)
            process.wait()
            return TIMED_OUT
        except BaseException:
            end_command(process)
            raise
        finally:
            if log:
                process.stdout.close()


    def run_several(self, commands, at_once, timeout_s, folder, **options):
        """Run commands, {name: argv}, so many at once, each with its output in folder/NAME.log; yields (name, status, log,
        seconds) as each ends. When we must leave early, those under way are ended first; TIMED_OUT as with run()."""
        waiting, running = list(commands.items()), {}
        try:
            while waiting or running:
                while waiting and len(running) < at_once:
                    name, argv = waiting.pop(0)
                    log = Path(folder) / f"{name}.log"
                    with open(log, "wb") as output:
                        running[name] = log, time.monotonic(), subprocess.Popen(
                            ["setpriv", "--pdeathsig", "TERM", "--", *(str(word) for word in argv)], stdin=subprocess.DEVNULL,
                            stdout=output, stderr=subprocess.STDOUT, **options)
                time.sleep(0.05)
                for name, (log, begun_at, process) in list(running.items()):
                    seconds = time.monotonic() - begun_at
                    if seconds > timeout_s and process.poll() is None:
                        say(f"{name} took longer than {timeout_s} s: killing it")
                        kill_tree(process.pid)
                        process.wait()
                        process.returncode = TIMED_OUT
                    if process.poll() is not None:
                        del running[name]
                        yield name, process.returncode, log, seconds
        finally:
            for _, _, process in running.values():
                end_command(process)


def copy_output(process, log, deadline):
    """What the command prints, to our own stdout and to the log, until it ends; what it left running is not waited for."""
    with open(log, "wb") as copy:
        while deadline is None or time.monotonic() < deadline:
            if select.select([process.stdout], [], [], 0.2)[0]:
                data = os.read(process.stdout.fileno(), 65536)
                if not data:
                    return
                copy.write(data)
                sys.stdout.buffer.write(data)
                sys.stdout.buffer.flush()
            elif process.poll() is not None:
                return


def end_command(process, by_itself_s=1, politely_s=10):
    """A Ctrl-C reached the command too, so wait a moment first; then ask it and all below it; then kill."""
    def ask_all():
        send_signal([process.pid, *descendants(process.pid)], signal.SIGTERM)

    for wait_s, then in ((by_itself_s, process.terminate), (by_itself_s, ask_all),
                         (politely_s, lambda: kill_tree(process.pid))):
        try:
            process.wait(wait_s)
            return
        except subprocess.TimeoutExpired:
            then()
    process.wait()
