#!/usr/bin/env python3
"""The steps of .ci/run, one after the other whatever came of the one before, and one closing line for all of them.

Tests wait for much of their time. What later steps compile is built meanwhile, at the lowest priority: a step that finds
the work done goes straight to its tests, and one that does not goes on where it stopped.
"""
import re
import shlex
import sys
import tempfile
import time
from pathlib import Path

from processes import ROOT, Group, Program, say

# Unit tests are compiled with sanitizers alone, but for those that say less there.
PLAIN = ("plain", "sim", "db", "scripts", "integration", "web", "e2e")
STEPS = (("checks", ["scripts/check"]),
         ("tests", ["scripts/test", *(f"--label={label}" for label in PLAIN)]),
         ("unit tests with sanitizers", ["scripts/test", "--preset=asan", "--label=unit"]),
         ("threads", ["scripts/test", "--preset=tsan", "--label=threads"]),
         ("tests on arm64", ["scripts/test-arm64"]),
         ("fuzzing", ["scripts/fuzz", "--seconds", "10"]))
BUILDS = {"unit tests with sanitizers", "threads", "tests on arm64", "fuzzing"}  # the steps that take --build
STEP_TIMEOUT_S = 40 * 60
CLOSING_LINE = re.compile(r"^(\d+) passed, (\d+) failed$")
FAILED_LINE = re.compile(r"^\s*FAILED\s")


def outcome(log, status):
    """What the step's closing line counts, and its lines about what failed; a step that failed without a count is one failure."""
    lines = log.read_text(errors="replace").splitlines()
    found = CLOSING_LINE.match(lines[-1]) if lines else None
    passed, failed = (int(found[1]), int(found[2])) if found else (0, 0)
    return passed, max(failed, 1) if status else failed, [line.strip() for line in lines if FAILED_LINE.match(line)]


def building_ahead(steps, log):
    """A program that builds what these steps will run, at the lowest priority: of its processes, and of its session, which the
    kernel may weigh as one. It waits to be stopped: one that ends at once counts as one that did not start."""
    builds = (shlex.join(["setpriv", "--pdeathsig", "TERM", "--", *command, "--build"]) for name, command in steps if name in BUILDS)
    words = "; ".join(["echo 19 2>/dev/null >/proc/self/autogroup", *builds, "exec sleep infinity"])
    return Program("building ahead", ["nice", "-n", "19", "bash", "-c", words], log=log, cwd=ROOT)


def minutes_since(begun_at):
    return (time.monotonic() - begun_at) / 60


def main():
    begun_at = time.monotonic()
    results = []
    try:
        with Group() as group, tempfile.TemporaryDirectory(prefix="argosy-ci-") as folder:
            for number, (name, command) in enumerate(STEPS, 1):
                say(f"==== {name}: {' '.join(command)}")
                log = Path(folder) / "log"
                step_begun_at = time.monotonic()
                group.start(building_ahead(STEPS[number:], Path(folder) / "ahead"))
                status = group.run(command, cwd=ROOT, log=log, timeout_s=STEP_TIMEOUT_S)
                group.stop()
                results.append((name, *outcome(log, status), minutes_since(step_begun_at)))
    except KeyboardInterrupt:
        say("interrupted")
        return 130
    print()
    for name, passed, failed, _, minutes in results:
        print(f"  {name:<30} {passed:>5} passed, {failed:>3} failed   {minutes:.1f} minutes")
    for name, _, _, failures, _ in results:
        for failure in failures:
            print(f"  {name}: {failure}")
    passed, failed = sum(result[1] for result in results), sum(result[2] for result in results)
    print(f"  in {minutes_since(begun_at):.1f} minutes")
    print(f"{passed} passed, {failed} failed", flush=True)
    return 0 if passed and not failed else 1


if __name__ == "__main__":
    sys.exit(main())
