"""The repository check finds what it promises to find, and nothing in a tidy tree."""
import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "scripts/lib"))

import check_repository as check  # noqa: E402

HELPFUL = "#!/bin/sh\necho 'Usage: it'\n"


class CheckRepository(unittest.TestCase):
    def setUp(self):
        self.root = Path(tempfile.mkdtemp(prefix="argosy-test-"))
        self.addCleanup(shutil.rmtree, self.root)
        subprocess.run(["git", "init", "-q", self.root], check=True)
        self.write("README.md", "# Start\nSee [how](docs/how.md#the-second-part), [site](https://argosy.dev), `[x](y)`.\n")
        self.write("docs/how.md", "## The second part\n[up](../README.md) [here](#the-second-part)\n```\n[no](link)\n```\n")
        self.write("migrations/0001_initial.sql", "")
        self.write("migrations/0002_more.sql", "")
        self.write("scripts/test", HELPFUL, executable=True)

    def write(self, name, text, executable=False):
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        path.chmod(0o755 if executable else 0o644)

    def assertFinds(self, *expected):
        found = list(check.problems(self.root))
        self.assertEqual(len(found), len(expected), found)
        for text, problem in zip(expected, found):
            self.assertIn(text, problem)

    def test_a_tidy_tree_has_no_problems(self):
        self.assertFinds()

    def test_a_link_to_a_missing_file(self):
        self.write("docs/how.md", "## The second part\n[gone](gone.md)")
        self.assertFinds("link to gone.md: no such file")

    def test_a_link_to_a_missing_heading(self):
        self.write("docs/how.md", "## Another part\n")
        self.assertFinds("how.md#the-second-part: no such heading")

    def test_a_program_that_was_left_lying_about(self):
        (self.root / "rn").write_bytes(b"\x7fELF\0\0")
        self.write("tests/unit/a/data/half", "")
        (self.root / "tests/unit/a/data/half").write_bytes(b"\xff\0")
        self.assertFinds("rn: not text")

    def test_a_hole_between_migrations(self):
        self.write("migrations/0004_late.sql", "")
        self.assertFinds("0004_late.sql: number 0003 was due")

    def test_two_migrations_with_one_number(self):
        self.write("migrations/0002_twin.sql", "")
        self.assertFinds("number 0003 was due")

    def test_a_migration_with_an_odd_name(self):
        self.write("migrations/3-late.sql", "")
        self.assertFinds("not NNNN_name.sql")

    def test_a_script_without_help(self):
        self.write("scripts/run", "#!/bin/sh\nexit 3\n", executable=True)
        self.assertFinds("scripts/run --help: ended with status 3")

    def test_a_script_that_is_not_executable(self):
        self.write("scripts/run", HELPFUL)
        self.assertFinds("scripts/run: not executable")

    def test_a_shell_script_with_a_syntax_error(self):
        self.write("deploy/start.sh", "#!/bin/bash\nif true; then\n")
        self.assertFinds("deploy/start.sh")

    def test_a_python_program_with_a_syntax_error(self):
        self.write("deploy/start", "#!/usr/bin/env python3\ndef f(:\n")
        self.assertFinds("deploy/start:2")


if __name__ == "__main__":
    unittest.main()
