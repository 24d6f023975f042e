"""What scripts/setup decides: Debian 13's source from this machine's own, and whether npm ci is due."""
import json
import shutil
import sys
import tempfile
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "scripts/lib"))

from node_modules_in_step import in_step  # noqa: E402
from trixie_source import trixie_source  # noqa: E402

DEB822 = """# a comment
Types: deb
URIs: http://mirror.example/debian
Suites: bookworm bookworm-updates
Components: main contrib
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg

Types: deb
URIs: http://mirror.example/security
Suites: bookworm-security
Components: main
"""


class TemporaryFolder(unittest.TestCase):
    def setUp(self):
        self.folder = Path(tempfile.mkdtemp(prefix="argosy-test-"))
        self.addCleanup(shutil.rmtree, self.folder)

    def write(self, name, text):
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


class TrixieSource(TemporaryFolder):
    def fields(self):
        source = trixie_source(self.folder)
        return source and dict(line.split(": ", 1) for line in source.splitlines())

    def test_from_deb822(self):
        self.write("sources.list.d/debian.sources", DEB822)
        self.assertEqual(self.fields(), {
            "Types": "deb", "URIs": "http://mirror.example/debian", "Suites": "trixie", "Components": "main",
            "Signed-By": "/usr/share/keyrings/debian-archive-keyring.gpg"})

    def test_from_one_line(self):
        self.write("sources.list", "# deb http://old.example/debian bookworm main\n"
                                   "deb-src http://mirror.example/debian bookworm main\n"
                                   "deb [arch=amd64 signed-by=/k.gpg] http://mirror.example/debian bookworm main non-free # x\n")
        self.assertEqual(self.fields(), {"Types": "deb", "URIs": "http://mirror.example/debian", "Suites": "trixie",
                                         "Components": "main", "Signed-By": "/k.gpg"})

    def test_a_key_inside_the_source_stays(self):
        self.write("sources.list.d/a.sources", DEB822.replace(
            "Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg", "Signed-By:\n -----BEGIN-----\n .\n abc"))
        self.assertIn("Signed-By: \n -----BEGIN-----\n .\n abc", trixie_source(self.folder))

    def test_other_suites_switched_off_ones_and_foreign_files_do_not_count(self):
        self.write("sources.list", "deb http://mirror.example/debian bookworm-updates main\n")
        self.write("sources.list.d/off.sources", "Enabled: no\n" + DEB822.split("\n", 1)[1])
        self.write("sources.list.d/old.list.save", "deb http://mirror.example/debian bookworm main\n")
        self.assertIsNone(self.fields())


class NodeModulesInStep(TemporaryFolder):
    LOCK = {"": {"name": "web"}, "node_modules/a": {"version": "1.0.0"},
            "node_modules/only-on-a-mac": {"version": "1.0.0", "optional": True}}

    def set_up(self, lock, installed):
        self.write("package-lock.json", json.dumps({"packages": lock}))
        if installed is not None:
            self.write("node_modules/.package-lock.json", json.dumps({"packages": installed}))
        return in_step(self.folder)

    def test_installed(self):
        self.assertTrue(self.set_up(self.LOCK, {"node_modules/a": {"version": "1.0.0"}}))

    def test_never_installed(self):
        self.assertFalse(self.set_up(self.LOCK, None))

    def test_another_version(self):
        self.assertFalse(self.set_up(self.LOCK, {"node_modules/a": {"version": "0.9.0"}}))


if __name__ == "__main__":
    unittest.main()
