"""One device, of the release build, for benches to look at."""
import json
import sys
import time
from pathlib import Path

from processes import ROOT, NotReady, free_port, wait_until

sys.path.insert(0, str(ROOT / "scripts/demo"))
RELEASE = ROOT / "build/release"
UPDATE_TIMEOUT_S = 600
CPUCLOCK_SCHED = 2  # Linux: user and system time, in nanoseconds


def memory(pid):
    """All that /proc/PID/smaps_rollup tells, in MB: {"Pss": 9.1, "Pss_Anon": 4.2, "Rss": ...}"""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]
    return {name: int(amount.split()[0]) / 1024 for name, _, amount in (line.partition(":") for line in lines)}


def memory_mb(pid, kind="Pss"):
    return memory(pid)[kind]


def cpu_seconds(pid):
    """Of all its threads, also those that have ended. /proc/PID/stat counts the same in hundredths of a second, which is
    too coarse for a program that sleeps; this is the clock that clock_getcpuclockid() would name."""
    return time.clock_gettime(~pid << 3 | CPUCLOCK_SCHED)


def build_release(group, *targets):
    """The whole of it, and `targets` that are not part of that."""
    commands = [["cmake", "--preset", "release"], ["cmake", "--build", "--preset", "release"]]
    if targets:
        commands.append(["cmake", "--build", "--preset", "release", "--target", *targets])
    for command in commands:
        if group.run(command, cwd=ROOT, stdout=sys.stderr) != 0:
            sys.exit(f"{' '.join(command)} failed")


class OneDevice:
    """A real server, broker, database and agent, and an inference program that reports 20 observations a second. Without
    `intervals`, as those of the demo."""

    def __init__(self, group, folder: Path, intervals=None):
        from command_line import CommandLine
        from fleet import DEMO_INTERVALS, Fleet
        from installation import Installation

        self.folder = folder
        installation = Installation(group, folder, RELEASE, free_port())
        installation.start()
        self.argosy = CommandLine(RELEASE / "cli/argosy", installation.cli_home)
        self.argosy("login", "--server", installation.argosyd.url, "--link", installation.admin_link())
        fleet = Fleet(group, installation, self.argosy, 1, intervals=DEMO_INTERVALS if intervals is None else intervals)
        fleet.start()
        self.device = fleet.devices[0]

    @property
    def socket(self):
        return self.device.folder / "run/observe.sock"

    @property
    def agent_pid(self):
        return self.device.agent.pid

    def roll_out(self, version, policy):
        """A release of the example."""
        from scenario import EXAMPLE

        self.argosy("release", "publish", "--from", EXAMPLE / f"releases/{version}.json")
        return self.update(f"digits@{version}", EXAMPLE / policy)

    def update(self, release, policy):
        """Rolls out what is published; returns what the rollout says of the device when it has ended."""
        from scenario import has_ended

        rollout = self.argosy("rollout", "create", release, "--policy", policy, "--start")["id"]
        ended = wait_until(lambda: self._rollout_if(has_ended, rollout), UPDATE_TIMEOUT_S, f"the end of {release}'s rollout", 0.2)
        device, = self.argosy("rollout", "devices", rollout)
        if ended["state"] != "completed" or device["state"] != "succeeded":
            raise NotReady(f"the rollout of {release} ended as {ended['state']}, the device as {device['state']}: "
                           f"{json.dumps(device)}\n{self.device.agent.log_tail()}")
        return device

    def _rollout_if(self, holds, rollout):
        document = self.argosy("rollout", "show", rollout)
        return document if holds(document) else None
