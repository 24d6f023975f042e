"""The counting of scripts/test and .ci/run: nothing that failed is lost, and no run counts as a success when no test ran."""
import contextlib
import io
import json
import re
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "scripts/lib"))

import run_ci  # noqa: E402
from run_tests import Outcome, read_junit, read_npm_log, report  # noqa: E402

JUNIT = """<testsuite name="(empty)" tests="3" failures="1" disabled="0" skipped="1">
<testcase name="A.Passes" status="run"/>
<testcase name="A.Fails" status="fail"><failure message=""/></testcase>
<testcase name="A.Skips" status="notrun"><skipped message="SKIP_REGULAR_EXPRESSION_MATCHED"/></testcase>
</testsuite>"""

GTEST = """<testsuites><testsuite name="A">
<testcase name="Passes" classname="A" status="run" result="completed"/>
<testcase name="Fails" classname="A" status="run" result="completed"><failure message=""/></testcase>
<testcase name="Skips" classname="A" status="run" result="skipped"><skipped message=""/></testcase>
<testcase name="DISABLED_Rests" classname="A" status="notrun" result="suppressed"/>
</testsuite></testsuites>"""

UNITTEST_FILE = """
import unittest
class T(unittest.TestCase):
    def test_good(self): pass
    def test_bad(self): self.fail()
    def test_error(self): raise OSError
    @unittest.skip("not today")
    def test_skipped(self): pass
    def test_parts(self):
        for n in range(3):
            with self.subTest(n): self.assertNotEqual(n, 1)
"""


def summary(outcomes):
    with contextlib.redirect_stdout(io.StringIO()) as out:
        status = report(outcomes)
    return status, out.getvalue().splitlines()[-1]


class Counting(unittest.TestCase):
    def test_ctest(self):
        with tempfile.NamedTemporaryFile("w") as file:
            file.write(JUNIT)
            file.flush()
            outcome = Outcome("unit")
            read_junit(Path(file.name), outcome)
        self.assertEqual((outcome.passed, outcome.skipped, outcome.failures), (1, 1, ["A.Fails"]))

    def test_gtest(self):
        outcome = Outcome("unit")
        with tempfile.NamedTemporaryFile("w", suffix=".xml") as file:
            file.write(GTEST)
            file.flush()
            read_junit(Path(file.name), outcome)
        self.assertEqual((outcome.passed, outcome.skipped, outcome.failures), (1, 2, ["A.Fails"]))

    def test_unittest(self):
        with tempfile.TemporaryDirectory() as folder:
            file, result = Path(folder) / "a_test.py", Path(folder) / "result.json"
            file.write_text(UNITTEST_FILE)
            status = subprocess.run([sys.executable, ROOT / "scripts/lib/python_suite.py", file, result],
                                    stderr=subprocess.DEVNULL, check=False).returncode
            found = json.loads(result.read_text())
        self.assertEqual(status, 1)
        self.assertEqual((found["passed"], found["skipped"], len(found["failures"])), (1, 1, 3))

    def test_npm(self):
        logs = {"ℹ tests 5\nℹ pass 4\nℹ cancelled 0\nℹ fail 1\n": (4, 1), "# pass 3\n# fail 0\n": (3, 0),
                "      \x1b[2mTests\x1b[22m  1 failed | 7 passed (8)\n": (7, 1), " Tests  7 passed (7)\n": (7, 0),
                "3 passed, 2 failed\n": (3, 2)}
        for log, expected in logs.items():
            with self.subTest(log):
                outcome = Outcome("web")
                read_npm_log(log, 1 if expected[1] else 0, "test", outcome)
                self.assertEqual((outcome.passed, len(outcome.failures)), expected)

    def test_an_npm_script_that_fails_without_a_count_is_a_failure(self):
        outcome = Outcome("web")
        read_npm_log("Tests  7 passed (7)\nthen it crashed", 1, "test", outcome)
        self.assertEqual(len(outcome.failures), 1)


class ClosingLine(unittest.TestCase):
    def test_success(self):
        self.assertEqual(summary([Outcome("unit", passed=3), Outcome("db", passed=2)]), (0, "5 passed, 0 failed"))

    def test_one_failure(self):
        self.assertEqual(summary([Outcome("unit", passed=3, failures=["A.Fails"])]), (1, "3 passed, 1 failed"))

    def test_nothing_ran(self):
        self.assertEqual(summary([Outcome("unit", skipped=4)]), (1, "0 passed, 0 failed"))

    def test_ci_counts_a_step_that_died_without_a_word(self):
        with tempfile.NamedTemporaryFile("w") as file:
            log = Path(file.name)
            for text, status, expected in (("9 passed, 0 failed\n", 0, (9, 0)), ("9 passed, 2 failed\n", 1, (9, 2)),
                                           ("9 passed, 0 failed\n", 124, (9, 1)), ("Traceback\n", 1, (0, 1)), ("", 2, (0, 1))):
                log.write_text(text)
                self.assertEqual(run_ci.outcome(log, status), (*expected, []))
            log.write_text("  FAILED unit: A.Fails\n  unit FAILED\n3 passed, 1 failed\n")
            self.assertEqual(run_ci.outcome(log, 1), (3, 1, ["FAILED unit: A.Fails"]))

    def test_a_label_that_does_not_exist_is_refused(self):
        done = subprocess.run([sys.executable, ROOT / "scripts/lib/run_tests.py", "--label", "nonsense"],
                              capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 2)
        self.assertTrue(re.search("invalid choice: 'nonsense'", done.stderr))


if __name__ == "__main__":
    unittest.main()
