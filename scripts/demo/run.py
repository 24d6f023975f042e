"""Runs the demo: services, server and fleet; then either the scenario (--once) or everything until Ctrl-C."""
import argparse
import shutil
import signal
import sys
import time

from command_line import CommandLine
from fleet import Fleet
from installation import Installation
from processes import ROOT, Group, say
from scenario import EXAMPLE, Scenario, report
from services import lasting_folder


def parse_arguments():
    parser = argparse.ArgumentParser(prog="scripts/run")
    parser.add_argument("--once", action="store_true")
    parser.add_argument("--fresh", action="store_true")
    parser.add_argument("--quiet-minutes", type=float, default=0)
    parser.add_argument("--devices", type=int, default=12)
    parser.add_argument("--port", type=int, default=8080)
    arguments = parser.parse_args()
    if not 1 <= arguments.devices <= 200:
        parser.error(f"--devices {arguments.devices}: give a number from 1 to 200")
    if not 0 <= arguments.quiet_minutes <= 1440:
        parser.error(f"--quiet-minutes {arguments.quiet_minutes:g}: give a number from 0 to 1440")
    if arguments.quiet_minutes and not arguments.once:
        parser.error("--quiet-minutes: it is part of what --once plays; give --once, too")
    if arguments.once and arguments.devices < 12:
        parser.error(f"--devices {arguments.devices}: the story needs at least 12")
    return arguments


def play_once(installation, fleet, argosy, quiet_minutes):
    begun = time.monotonic()
    scenario = Scenario(installation, fleet, argosy, quiet_minutes)
    held = scenario.play()
    fleet.stop()
    report(scenario)
    print(f"\n{'All of it held' if held else 'NOT all of it held'}, in {time.monotonic() - begun:.0f} s. "
          f"Logs: {installation.folder}")
    return 0 if held else 1


def keep_running(installation, argosy):
    if not argosy("rollout", "list"):
        for version in ("1.0", "1.1", "1.2", "1.3"):
            argosy("release", "publish", "--from", EXAMPLE / f"releases/{version}.json")
        argosy("rollout", "create", "digits@1.0", "--policy", EXAMPLE / "policy-first.json", "--start")
    print(f"""
Argosy runs. Dashboard, as admin, once:  {installation.admin_link()}
Command line, already logged in:
  export XDG_CONFIG_HOME={installation.cli_home} PATH={ROOT}/build/release/cli:$PATH
  argosy device list
  argosy rollout create digits@1.1 --policy {EXAMPLE.relative_to(ROOT)}/policy.json --watch
Ctrl-C stops everything; the next scripts/run goes on with the data.""", flush=True)
    signal.pause()


def main():
    arguments = parse_arguments()
    folder = lasting_folder("once" if arguments.once else "demo")
    if arguments.once or arguments.fresh:
        shutil.rmtree(folder, ignore_errors=True)
    with Group() as group:
        installation = Installation(group, folder, ROOT / "build/release", arguments.port)
        installation.start()
        argosy = CommandLine(ROOT / "build/release/cli/argosy", installation.cli_home)
        argosy("login", "--server", installation.argosyd.url, "--link", installation.admin_link())
        say(f"argosyd answers at {installation.argosyd.url}; starting {arguments.devices} devices")
        fleet = Fleet(group, installation, argosy, arguments.devices)
        fleet.start()
        if arguments.once:
            return play_once(installation, fleet, argosy, arguments.quiet_minutes)
        keep_running(installation, argosy)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        say("stopped")
        sys.exit(130)
