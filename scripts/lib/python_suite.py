#!/usr/bin/env python3
"""Run one unittest file and write what came of it. Usage: python_suite.py FILE RESULT.json"""
import json
import re
import signal
import sys
import time
import unittest
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

EXCEPTION_LINE = re.compile(r"[A-Za-z_][\w.]*(: |$)")


class Result(unittest.TextTestResult):
    """Says each test and its time as it ends; keeps the full story of failures for the end, as unittest does."""

    def startTest(self, test):
        self.begun_at = time.monotonic()
        super().startTest(test)

    def stopTest(self, test):
        self.stream.writeln(f"    {time.monotonic() - self.begun_at:.1f} s")
        super().stopTest(test)


def load(file):
    sys.path.insert(0, str(file.parent))
    spec = spec_from_file_location(file.stem, file)
    module = module_from_spec(spec)
    sys.modules[file.stem] = module
    spec.loader.exec_module(module)
    return unittest.defaultTestLoader.loadTestsFromModule(module)


def reason(story, longest=300):
    """Where in the test it failed and why, in a line: who reads the end of a long log needs no more of it."""
    lines = story.strip().splitlines()
    places = [line.split(", line ")[1].split(",")[0] for line in lines if "_test.py" in line and ", line " in line]
    exceptions = [line for line in lines if EXCEPTION_LINE.match(line)]
    return (f"line {places[-1]}: " if places else "") + (exceptions or lines)[-1][:longest]


def main(file, result_file):
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # unittest swallows every exception but KeyboardInterrupt
    result = unittest.TextTestRunner(verbosity=2, resultclass=Result).run(load(Path(file).resolve()))
    # A sub-test or a set-up that failed has a name of its own, so one test may be several failures.
    failures = sorted({f"{test}: {reason(story)}" for test, story in result.failures + result.errors}
                      | {f"{test}: passed, but is expected to fail" for test in result.unexpectedSuccesses})
    broken_tests = {str(getattr(test, "test_case", test)) for test, _ in result.failures + result.errors}
    passed = result.testsRun - len(broken_tests) - len(result.skipped) - len(result.unexpectedSuccesses)
    Path(result_file).write_text(json.dumps(
        {"passed": max(passed, 0), "failures": failures, "skipped": len(result.skipped)}))
    return 0 if result.wasSuccessful() else 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:3]))
