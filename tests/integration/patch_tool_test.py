"""`argosy patch` as a tool that people script: its exit status is the truth, and what it may not touch stays as it was."""
import os
import random
import signal
import stat
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "scripts/lib"))

from processes import wait_until  # noqa: E402

OK, FAILED, USAGE = 0, 1, 2
ARGOSY = Path(os.environ["ARGOSY_BUILD"]) / "cli/argosy"


class PatchTool(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="argosy-patch-")
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        data = random.Random(5)
        old = bytearray(data.randbytes(200_000))
        self.contents = {"old": bytes(old), "other": data.randbytes(200_000)}
        for place in range(0, len(old), 4000):
            old[place] ^= 1
        self.contents["new"] = bytes(old)
        for name, content in self.contents.items():
            (self.folder / name).write_bytes(content)
        self.patch("make", "old", "new", "patch", "--codec", "zstd-from")
        self.contents["patch"] = (self.folder / "patch").read_bytes()

    def run_patch(self, *words, **how):
        return subprocess.run([ARGOSY, "patch", *words], cwd=self.folder, timeout=60, capture_output=True,
                              **{"stdin": subprocess.DEVNULL, **how})

    def patch(self, *words, **how):
        done = self.run_patch(*words, **how)
        self.assertEqual(done.returncode, OK, done.stderr.decode())
        return done

    def refused(self, status, *words, says, **how):
        done = self.run_patch(*words, **how)
        self.assertEqual(done.returncode, status, done.stderr.decode())
        self.assertIn(says, done.stderr.decode())
        self.assert_nothing_harmed()

    def assert_nothing_harmed(self):
        for name, content in self.contents.items():
            self.assertEqual((self.folder / name).read_bytes(), content, name)
        self.assert_no_leftovers()

    def assert_no_leftovers(self):
        self.assertEqual([name for name in os.listdir(self.folder) if name.endswith(".part")], [])

    def assert_is_new(self, name):
        self.assertEqual((self.folder / name).read_bytes(), self.contents["new"])

    def null_device(self):
        """One of our own, which a mistake may harm."""
        device = self.folder / "null"
        if os.geteuid() != 0:
            self.skipTest("making a device needs root")
        os.mknod(device, stat.S_IFCHR | 0o666, os.makedev(1, 3))
        return device

    # What is made --------------------------------------------------------------------------------------------------------
    def test_an_output_is_named_by_its_place_or_by_o(self):
        self.patch("apply", "old", "third", "patch")
        self.patch("apply", "old", "patch", "-o", "named")
        self.patch("make", "old", "new", "-o", "made")
        self.patch("verify", "old", "new", "made")
        for name in ("third", "named"):
            self.assert_is_new(name)
        self.refused(USAGE, "apply", "old", "patch", says="a file is missing")
        self.refused(USAGE, "apply", "old", "third", "patch", "-o", "named", says="one file too many")

    def test_two_that_write_one_name_leave_one_whole_file(self):
        self.patch("make", "old", "other", "patch-2", "--codec", "zstd")
        both = [subprocess.Popen([ARGOSY, "patch", "apply", "-q", "old", "result", name], cwd=self.folder, stdout=subprocess.DEVNULL)
                for _ in range(8) for name in ("patch", "patch-2")]
        self.assertEqual({one.wait(60) for one in both}, {OK})
        self.assertIn((self.folder / "result").read_bytes(), (self.contents["new"], self.contents["other"]))
        makers = [subprocess.Popen([ARGOSY, "patch", "make", "-q", "old", "new", "made"], cwd=self.folder, stdout=subprocess.DEVNULL)
                  for _ in range(6)]
        self.assertEqual({one.wait(60) for one in makers}, {OK})
        self.patch("verify", "old", "new", "made")
        self.assert_nothing_harmed()

    def test_a_device_is_written_into_and_never_replaced(self):
        device = self.null_device()
        self.patch("apply", "old", device, "patch")
        self.patch("make", "old", "new", device)
        self.patch("apply", "old", "patch", "-o", device)
        self.assertTrue(stat.S_ISCHR(device.lstat().st_mode))

    def test_a_link_stays_and_what_it_leads_to_is_replaced_with_its_mode(self):
        (self.folder / "target").write_text("before")
        (self.folder / "target").chmod(0o640)
        (self.folder / "link").symlink_to("target")
        self.patch("apply", "old", "link", "patch")
        self.assertTrue((self.folder / "link").is_symlink())
        self.assert_is_new("target")
        self.assertEqual(stat.S_IMODE((self.folder / "target").stat().st_mode), 0o640)

    def test_no_input_is_overwritten_whatever_it_is_called(self):
        os.link(self.folder / "old", self.folder / "hard")
        (self.folder / "soft").symlink_to("patch")
        for words in (("apply", "old", "old", "patch"), ("apply", "old", "patch", "patch"), ("apply", "old", "./hard", "patch"),
                      ("apply", "old", "soft", "patch"), ("make", "old", "new", "new"), ("make", "old", "new", "-o", "old")):
            with self.subTest(words=words):
                self.refused(FAILED, *words, says="is the input")

    def test_a_folder_is_no_file(self):
        self.refused(FAILED, "apply", "old", ".", "patch", says="is a folder")
        self.refused(FAILED, "apply", ".", "result", "patch", says="is a folder")
        self.refused(4, "apply", "old", "nowhere/result", "patch", says="nowhere")

    def test_what_fails_leaves_what_was_there(self):
        (self.folder / "result").write_text("before")
        self.refused(FAILED, "apply", "other", "result", "patch", says="the patch is for another file")
        self.refused(FAILED, "apply", "old", "result", "patch", "--result-sha256", "0" * 64, says="digest")
        self.assertEqual((self.folder / "result").read_text(), "before")

    # Pipes ---------------------------------------------------------------------------------------------------------------
    def test_standard_streams_carry_patches_and_results(self):
        made = self.patch("make", "old", "new", "-").stdout
        applied = self.patch("apply", "old", "-", "-", input=made, stdin=None)
        self.assertEqual(applied.stdout, self.contents["new"])
        self.assertEqual(self.patch("apply", "-", "-", "patch", input=self.contents["old"], stdin=None).stdout, self.contents["new"])
        self.assertIn(b"codec", self.patch("info", "-", input=made, stdin=None).stdout)
        self.refused(FAILED, "apply", "-", "result", "-", says="cannot both come by standard input")
        self.refused(FAILED, "apply", "old", "-", "patch", "--json", says="both --json and -")

    def test_a_pipe_is_read_and_one_without_a_writer_is_not_waited_for(self):
        os.mkfifo(self.folder / "pipe")
        for words in (("apply", "pipe", "result", "patch"), ("apply", "old", "result", "pipe"), ("info", "pipe"),
                      ("make", "pipe", "new", "made"), ("verify", "old", "pipe", "patch")):
            with self.subTest(words=words):
                self.refused(FAILED, *words, says="nobody writes into it")
        writer = subprocess.Popen(["sh", "-c", "cat patch > pipe"], cwd=self.folder)
        self.patch("apply", "old", "result", "pipe")
        self.assertEqual(writer.wait(10), 0)
        self.assert_is_new("result")

    def test_a_device_is_no_input(self):
        self.refused(FAILED, "apply", "old", "result", "/dev/zero", says="is a device")

    # What vouches for a result --------------------------------------------------------------------------------------------
    def test_a_patch_that_names_no_base_is_said_to_prove_nothing(self):
        made = self.patch("make", "old", "new", "plain", "--codec", "bsdiff")
        self.assertIn(b"apply it with --base-sha256 ", made.stderr)
        base = made.stderr.decode().split("--base-sha256 ")[1].strip()
        self.assertIn(b"nothing proves this result", self.patch("apply", "other", "result", "plain").stderr)
        self.assertIn(b'"proven": false', self.patch("apply", "old", "result", "plain", "--json").stdout)
        self.refused(FAILED, "apply", "other", "result", "plain", "--base-sha256", base, says="the patch is for the file")
        self.assertEqual(self.patch("apply", "old", "result", "plain", "--base-sha256", base).stderr, b"")
        self.assert_is_new("result")

    # The end -------------------------------------------------------------------------------------------------------------
    def test_a_signal_leaves_nothing_behind(self):
        data = random.Random(6)
        for name in ("large", "larger"):
            (self.folder / name).write_bytes(data.randbytes(6_000_000))
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            with self.subTest(signal=number.name):
                maker = subprocess.Popen([ARGOSY, "patch", "make", "large", "larger", "made", "--codec", "bsdiff"], cwd=self.folder,
                                         stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
                wait_until(lambda: any(name.endswith(".part") for name in os.listdir(self.folder)), 10, "it has begun")
                maker.send_signal(number)
                said = maker.communicate(timeout=60)[1].decode()
                self.assertEqual(maker.returncode, FAILED, said)
                self.assertIn("cancelled", said)
                self.assertFalse((self.folder / "made").exists())
                self.assert_no_leftovers()


if __name__ == "__main__":
    unittest.main()
