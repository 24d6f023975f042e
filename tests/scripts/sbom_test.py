"""scripts/sbom: what it finds in the words of ldd, dpkg and npm, and that a run of it is a document and always the same."""
import importlib.machinery
import importlib.util
import json
import os
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def load():
    loader = importlib.machinery.SourceFileLoader("sbom", str(ROOT / "scripts/sbom"))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader("sbom", loader))
    sys.dont_write_bytecode = True
    loader.exec_module(module)
    return module


sbom = load()

LDD = """\tlinux-vdso.so.1 (0x00007ffd)
\tlibpq.so.5 => /lib/x86_64-linux-gnu/libpq.so.5 (0x00007f)
\tlibgone.so => not found
\t/lib64/ld-linux-x86-64.so.2 (0x00007f)
"""
LOCK = {"packages": {"": {"name": "web"},
                     "node_modules/preact": {"version": "10.1.0", "integrity": "sha512-AAEC", "license": "MIT"},
                     "node_modules/a/node_modules/@types/b": {"version": "1.0.0", "dev": True},
                     "node_modules/linked": {"link": True}}}


class Parts(unittest.TestCase):
    def test_reads_the_libraries_that_are_loaded(self):
        self.assertEqual(sbom.libraries_of(LDD), ["/lib/x86_64-linux-gnu/libpq.so.5"])

    def test_reads_the_packages_that_own_them(self):
        self.assertEqual(sbom.packages_of("libpq5:amd64: /usr/lib/x/libpq.so.5\ndpkg-query: no path found\n"), ["libpq5:amd64"])

    def test_npm_packages_with_their_digests_and_what_only_builds_excluded(self):
        components = {component["name"]: component for component in sbom.npm_components(LOCK)}
        self.assertEqual(set(components), {"preact", "@types/b"})
        self.assertEqual(components["preact"]["hashes"], [{"alg": "SHA-512", "content": "000102"}])
        self.assertEqual(components["preact"]["scope"], "required")
        self.assertEqual(components["@types/b"]["scope"], "excluded")

    def test_onnx_runtime_is_what_setup_fetches(self):
        component = sbom.onnxruntime_component((ROOT / "scripts/lib/fetch-onnxruntime").read_text())
        self.assertRegex(component["purl"], r"^pkg:github/microsoft/onnxruntime@v\d+\.\d+\.\d+$")
        self.assertEqual(len(component["hashes"][0]["content"]), 128)

    def test_components_are_in_order_however_they_came(self):
        parts = [{"bom-ref": "b"}, {"bom-ref": "a"}]
        self.assertEqual(sbom.document("1", parts), sbom.document("1", parts[::-1]))


class Whole(unittest.TestCase):
    def test_help_and_wrong_use(self):
        told = subprocess.run([ROOT / "scripts/sbom", "--help"], capture_output=True, text=True, check=True)
        self.assertIn("CycloneDX", told.stdout)
        with tempfile.TemporaryDirectory() as empty:
            failed = subprocess.run([ROOT / "scripts/sbom", "--build", empty], capture_output=True, text=True, check=False)
        self.assertEqual(failed.returncode, 1)
        self.assertIn("--build", failed.stderr)

    def test_two_runs_give_the_same_bytes(self):
        build = Path(os.environ.get("ARGOSY_BUILD", ROOT / "build/dev"))
        if not (build / "server/argosyd").exists():
            self.skipTest(f"argosyd is not built in {build}")
        first, second = (subprocess.run([ROOT / "scripts/sbom", "--build", build], capture_output=True, check=True).stdout
                         for _ in range(2))
        self.assertEqual(first, second)
        names = {component["name"] for component in json.loads(first)["components"]}
        self.assertLessEqual({"libssl3", "libpqxx-6.4", "nlohmann-json3-dev", "onnxruntime", "preact"}, names)


if __name__ == "__main__":
    unittest.main()
