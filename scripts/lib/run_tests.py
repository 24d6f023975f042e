#!/usr/bin/env python3
"""Build, run the tests, add up. scripts/test calls this after scripts/setup; its help is there."""
import argparse
import json
import os
import re
import shutil
import sys
import tempfile
import time
import xml.etree.ElementTree as ElementTree
from dataclasses import dataclass, field
from pathlib import Path

from processes import ROOT, Group, NotReady, say
from services import start_services

LABELS = ("unit", "sim", "db", "scripts", "integration", "web", "e2e")
# Parts of these by a label of their own, see cmake/Argosy.cmake; they are run when they are asked for.
PARTS = ("plain", "threads")
SANITIZED = ("asan", "tsan")
NEED_SERVICES = {"db", "integration", "threads"}
CXX_LABELS = ("unit", "sim", "db", "integration", *PARTS)
NEED_PROGRAMS = {"integration", "e2e"}
PROGRAMS = ("argosyd", "argosy", "argosy-agent", "argosy-runner", "argosy-digits-classifier", "argosy-fleet-load")
SUITE_TIMEOUT_S = 900
BUILD_TIMEOUT_S = 3600
MEMORY_TO_SPARE = 6 << 30


@dataclass
class Outcome:
    """What came of one suite: how many passed and were skipped, and the names of those that failed."""
    suite: str
    passed: int = 0
    skipped: int = 0
    failures: list = field(default_factory=list)
    seconds: float = 0.0

    @property
    def ran(self):
        return self.passed + len(self.failures)


class Run:
    """One run: a group for its services and commands, a scratch folder, and the outcomes so far."""

    def __init__(self, group, folder, preset, labels):
        self.group, self.folder, self.preset, self.labels = group, folder, preset, labels
        self.build = ROOT / "build" / preset
        scratch = folder / "tmp"  # what a test that was cut short leaves here goes with the folder
        scratch.mkdir()
        scratch.chmod(0o1777)
        jobs = str(os.cpu_count())  # ninja would take two more, and each compiler up to a gigabyte
        self.environment = {"CMAKE_BUILD_PARALLEL_LEVEL": jobs, **os.environ, "ARGOSY_BUILD": str(self.build), "PYTHONPATH": str(ROOT / "scripts/lib"),
                            "PYTHONDONTWRITEBYTECODE": "1", "UBSAN_OPTIONS": "print_stacktrace=1",
                            "TSAN_OPTIONS": f"suppressions={ROOT / 'tests/support/tsan.supp'}", "TMPDIR": str(scratch)}
        self.outcomes = []
        self.services = []  # of each worker: where they are, for the environment of its tests

    def command(self, argv, cwd=ROOT, timeout_s=SUITE_TIMEOUT_S, **options):
        return self.group.run(argv, cwd=cwd, env=self.environment, timeout_s=timeout_s, **options)

    def record(self, suite, work):
        say(f"== {suite}")
        begun_at = time.monotonic()
        outcome = work(Outcome(suite))
        outcome.seconds = time.monotonic() - begun_at
        self.outcomes.append(outcome)
        return outcome

    def build_what_is_tested(self):
        """Whether it compiled: the wanted labels' test programs, and the programs themselves where a test starts them."""
        targets = [f"argosy_tests_{label}" for label in CXX_LABELS if label in self.labels]
        if NEED_PROGRAMS & self.labels:
            targets += PROGRAMS
        if not targets:
            return True

        def work(outcome):
            if (self.command(["cmake", "--preset", self.preset]) or
                    self.command(["cmake", "--build", "--preset", self.preset, "--target", *targets],
                                 timeout_s=BUILD_TIMEOUT_S)):
                outcome.failures.append("the build")
            return outcome

        return not self.record(f"build {self.preset}", work).failures

    def start_services(self):
        """Start what database and integration tests stand on, once for each worker."""
        def work(outcome):
            try:
                for worker in range(os.cpu_count()):
                    folder = self.folder / f"worker-{worker}"
                    self.services.append(start_services(self.group, folder, {"--postgres", "--mosquitto"}))
            except (NotReady, OSError, RuntimeError) as error:
                say(error)
                outcome.failures.append("starting the services")
            return outcome

        return not self.record("private PostgreSQL and Mosquitto for each worker", work).failures

    def ctest(self, label):
        command = ["ctest", "--test-dir", self.build, "-L", f"(^|:){label}(:|$)", "--output-on-failure", "--no-tests=ignore"]
        report = self.folder / f"ctest-{label}.xml"

        def work(outcome):
            status = self.command([*command, "-j", str(os.cpu_count()), "--progress", "--output-junit", report])
            read_junit(report, outcome)
            if status and not outcome.failures:
                outcome.failures.append(f"ctest -L {label} ended with status {status}")
            return outcome

        if label in NEED_SERVICES:
            self.ctest_by_worker(label, command)
        else:
            self.record(f"{label} (C++)", work)

    def whole_programs(self):
        """The unit tests of one program in one process, where starting it costs more than most tests do."""
        programs = [Path(line) for line in (self.build / "whole-programs.txt").read_text().split()]
        say(f"== unit (C++), {len(programs)} programs")
        commands = {program.name: [program, "--gtest_brief=1", f"--gtest_output=xml:{self.folder / program.name}.xml"] for program in programs}
        outcome, begun_at = Outcome("unit (C++), whole programs"), time.monotonic()
        for name, status, log, seconds in self.group.run_several(commands, os.cpu_count(), SUITE_TIMEOUT_S, self.folder,
                                                                 cwd=self.build, env=self.environment):
            failed_before = len(outcome.failures)
            read_junit(self.folder / f"{name}.xml", outcome)
            if status and len(outcome.failures) == failed_before:
                outcome.failures.append(f"{name} ended with status {status}")
            say(f"{'FAILED' if status else 'ok    '}  {name}, {seconds:.1f} s")
            if status:
                print(log.read_text(errors="replace"), flush=True)
        outcome.seconds = time.monotonic() - begun_at
        self.outcomes.append(outcome)

    def ctest_by_worker(self, label, command):
        """Each worker takes every so-manieth test, one at a time: an open transaction in one database holds back which events
        readers of another in the same cluster may see."""
        say(f"== {label} (C++)")
        workers = {}
        for number, services in enumerate(self.services):
            name = f"ctest-{label}-{number}"
            workers[name] = ["env", *(f"{key}={value}" for key, value in services.items()), *command,
                             "-I", f"{number + 1},,{len(self.services)}", "--output-junit", self.folder / f"{name}.xml"]
        outcome = Outcome(f"{label} (C++)")
        for name, status, log, seconds in self.group.run_several(workers, len(workers), SUITE_TIMEOUT_S, self.folder,
                                                                 cwd=ROOT, env=self.environment):
            sys.stdout.write(log.read_text(errors="replace"))
            sys.stdout.flush()
            failed_before = len(outcome.failures)
            read_junit(self.folder / f"{name}.xml", outcome)
            if status and len(outcome.failures) == failed_before:
                outcome.failures.append(f"{name} ended with status {status}")
            outcome.seconds = max(outcome.seconds, seconds)
        self.outcomes.append(outcome)

    def several(self):
        """The files in Python of all wanted labels and the dashboard's own tests, so many at once as there are processors, the
        longest first: each has an installation of its own, in a database of one of the workers' clusters, and waits for it
        most of the time."""
        commands = {}
        if "e2e" in self.labels:
            self.npm_script("build", "dashboard build")
            if can_run("test:e2e"):
                commands["e2e test:e2e"] = npm_run("test:e2e")
        for label in ("e2e", "integration", "scripts"):
            if label in self.labels:
                commands |= {f"{label} {file.name}": self.python_suite(file) for file in sorted((ROOT / "tests" / label).glob("*_test.py"))}
        if "web" in self.labels and can_run("test"):
            commands["web test"] = npm_run("test")
        if not commands:
            return
        say(f"== {', '.join(commands)}")
        clusters = "\n".join(services["ARGOSY_TEST_PG"] for services in self.services)
        environment = self.environment | {"ARGOSY_TEST_CLUSTERS": clusters}
        for name, status, log, seconds in self.group.run_several(commands, os.cpu_count(), SUITE_TIMEOUT_S, self.folder, cwd=ROOT, env=environment):
            say(f"== {name}")
            output = log.read_text(errors="replace")
            sys.stdout.write(output)
            sys.stdout.flush()
            outcome = Outcome(name, seconds=seconds)
            if name.endswith(".py"):
                read_python_result(self.python_result(name.split()[-1]), status, outcome)
            else:
                read_npm_log(output, status, name.split()[-1], outcome)
            self.outcomes.append(outcome)

    def python_suite(self, file):
        return [sys.executable, ROOT / "scripts/lib/python_suite.py", file, self.python_result(file.name)]

    def python_result(self, name):
        return self.folder / f"{name}.json"

    def npm_script(self, script, suite):
        if not can_run(script):
            return

        def work(outcome):
            log = self.folder / f"npm-{script}.log"
            status = self.command(npm_run(script), log=log)
            read_npm_log(log.read_text(errors="replace"), status, script, outcome)
            return outcome

        self.record(suite, work)


def npm_run(script):
    return ["npm", "--prefix", ROOT / "web", "run", "--silent", script]


def can_run(script):
    package = ROOT / "web/package.json"
    if not package.exists() or script not in json.loads(package.read_text()).get("scripts", {}):
        return False
    if not (ROOT / "web/node_modules").exists():
        say(f"web/node_modules is missing: npm run {script} is left out")
        return False
    return True


def read_python_result(result, status, outcome):
    if result.exists():
        found = json.loads(result.read_text())
        outcome.passed, outcome.skipped, outcome.failures = found["passed"], found["skipped"], found["failures"]
    if status and not outcome.failures:
        outcome.failures.append(f"{outcome.suite} ended with status {status}")


def read_junit(report, outcome):
    if not report.exists():
        return
    for case in ElementTree.parse(report).iter("testcase"):
        if case.find("failure") is not None:
            suite, name = case.get("classname"), case.get("name")
            outcome.failures.append(name if suite in (None, name) else f"{suite}.{name}")  # ctest names both alike
        elif case.find("skipped") is not None or case.get("status") == "notrun":
            outcome.skipped += 1
        else:
            outcome.passed += 1


COLOURS = re.compile(r"\x1b\[[0-9;]*m")
# Our own closing line, vitest's, and the two reporters of node:test.
NPM_SUMMARIES = (r"^(?P<passed>\d+) passed, (?P<failed>\d+) failed$",
                 r"^\s*Tests\s+(?:(?P<failed>\d+) failed \| )?(?:(?P<passed>\d+) passed)?",
                 r"^[#ℹ] pass (?P<passed>\d+)$(?s:.*?)^[#ℹ] fail (?P<failed>\d+)$")


def read_npm_log(log, status, script, outcome):
    log = COLOURS.sub("", log)
    for summary in NPM_SUMMARIES:
        found = list(re.finditer(summary, log, re.MULTILINE))
        if found:
            outcome.passed = int(found[-1]["passed"] or 0)
            outcome.failures = [f"npm run {script}: see above"] * int(found[-1]["failed"] or 0)
            break
    if status and not outcome.failures:
        outcome.failures.append(f"npm run {script} ended with status {status}")
    elif not status and not outcome.ran:
        outcome.passed = 1


def run_labels(run):
    """Each wanted label in order. Without a build nothing is tried: what did not compile is the first thing to mend."""
    wanted = run.labels
    if not run.build_what_is_tested():
        return
    for label in PARTS + LABELS:
        if label not in wanted:
            continue
        if label in NEED_SERVICES and not run.services and not run.start_services():
            return
        if label == "unit" and run.preset in SANITIZED:
            run.whole_programs()
            run.ctest("plain")
        elif label in CXX_LABELS:
            run.ctest(label)
    run.several()


def report(outcomes):
    """The table, the names of what failed, and the closing line; the exit status."""
    passed = sum(outcome.passed for outcome in outcomes)
    failures = [(outcome.suite, name) for outcome in outcomes for name in outcome.failures]
    print()
    for outcome in outcomes:
        if not outcome.ran and not outcome.skipped:
            continue
        skipped = f", {outcome.skipped} skipped" if outcome.skipped else ""
        print(f"  {outcome.suite:<40} {outcome.passed:>5} passed, {len(outcome.failures):>3} failed{skipped}"
              f"   {outcome.seconds:.1f} s")
    for suite, name in failures:
        print(f"  FAILED {suite}: {name}")
    if not passed and not failures:
        print("  no test ran: is the label spelt right, and are there tests with it?")
    print(f"{passed} passed, {len(failures)} failed", flush=True)
    return 0 if passed and not failures else 1


def parse(arguments):
    parser = argparse.ArgumentParser(prog="scripts/test", add_help=False)
    parser.add_argument("--preset", choices=("dev", "asan", "tsan"), default="dev")
    parser.add_argument("--label", action="append", choices=LABELS + PARTS, default=[])
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--build", action="store_true")
    options = parser.parse_args(arguments)
    quick = ("unit", "web") if options.quick else LABELS
    options.labels = set(options.label or quick)
    return options


def quick_folder():
    """Memory, where there is plenty of it: databases and files of tests come and go, and none needs to outlive them."""
    memory = Path("/dev/shm")
    available = re.search(r"^MemAvailable: *(\d+) kB$", Path("/proc/meminfo").read_text(), re.MULTILINE)
    if not available or not os.access(memory, os.W_OK):
        return None
    return memory if min(int(available[1]) << 10, shutil.disk_usage(memory).free) >= MEMORY_TO_SPARE else None


def main(arguments):
    options = parse(arguments)
    folder = Path(tempfile.mkdtemp(prefix="argosy-test-", dir=quick_folder()))
    folder.chmod(0o755)
    run = None
    try:
        with Group() as group:
            run = Run(group, folder, options.preset, options.labels)
            if options.build:
                return 0 if run.build_what_is_tested() else 1
            run_labels(run)
        return report(run.outcomes)
    except KeyboardInterrupt:
        say("interrupted")
        return 130
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
