"""One device in the demo's setting, of the release build, for benches to look at."""
import os
import sys
from pathlib import Path

from processes import ROOT, free_port, wait_until

sys.path.insert(0, str(ROOT / "scripts/demo"))
RELEASE = ROOT / "build/release"
UPDATE_TIMEOUT_S = 120


def memory_mb(pid, kind="Pss"):
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith(f"{kind}:"):
            return int(line.split()[1]) / 1024
    raise ValueError(f"no {kind} in /proc/{pid}/smaps_rollup")


def cpu_seconds(pid):
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def build_release(group, *targets):
    """The whole of it, and `targets` that are not part of that."""
    commands = [["cmake", "--preset", "release"], ["cmake", "--build", "--preset", "release"]]
    if targets:
        commands.append(["cmake", "--build", "--preset", "release", "--target", *targets])
    for command in commands:
        if group.run(command, cwd=ROOT, stdout=sys.stderr) != 0:
            sys.exit(f"{' '.join(command)} failed")


class OneDevice:
    """A real server, broker, database and agent, and an inference program that reports 20 observations a second."""

    def __init__(self, group, folder: Path):
        from command_line import CommandLine
        from fleet import Fleet
        from installation import Installation

        installation = Installation(group, folder, RELEASE, free_port())
        installation.start()
        self.argosy = CommandLine(RELEASE / "cli/argosy", installation.cli_home)
        self.argosy("login", "--server", installation.argosyd.url, "--link", installation.admin_link())
        fleet = Fleet(group, installation, self.argosy, 1)
        fleet.start()
        self.device = fleet.devices[0]

    @property
    def socket(self):
        return self.device.folder / "run/observe.sock"

    @property
    def agent_pid(self):
        return self.device.agent.pid

    def roll_out(self, version, policy):
        from scenario import EXAMPLE

        self.argosy("release", "publish", "--from", EXAMPLE / f"releases/{version}.json")
        self.argosy("rollout", "create", f"digits@{version}", "--policy", EXAMPLE / policy, "--start")

        def serves_it():
            return any(model["version"] == version for device in self.argosy("device", "list") for model in device["models"])

        wait_until(serves_it, UPDATE_TIMEOUT_S, f"the device serving {version}", poll_s=0.2)
