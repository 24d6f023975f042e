"""Patches that a person asks the server for on the command line, and takes back."""
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))

from running_argosy import RunningArgosy  # noqa: E402, I001  (it knows where the next are)
from command_line import CommandFailed  # noqa: E402
from model_pairs import write_fine_tuned_pair  # noqa: E402
from processes import wait_until  # noqa: E402
from scenario import EXAMPLE  # noqa: E402


class PatchRequests(RunningArgosy):
    def patch(self, model, variant):
        return next(row for row in self.argosy("release", "patches", model) if row["variant"] == variant)

    def table(self, *words):
        """What a person sees."""
        done = subprocess.run([self.argosy.program, *words], capture_output=True, text=True, env=self.argosy.env, timeout=60)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout

    def assert_refused(self, status, words, *named):
        with self.assertRaises(CommandFailed) as refused:
            self.argosy(*words)
        self.assertEqual(refused.exception.status, status, refused.exception)
        for name in named:
            self.assertIn(name, str(refused.exception))

    def test_one_is_asked_for_and_listed_with_what_it_saves(self):
        for version in ("1.0", "1.1"):
            self.argosy("release", "publish", "--from", EXAMPLE / f"releases/{version}.json")
        self.assertEqual(self.argosy("release", "patches", "digits"), [])
        self.assert_refused(4, ("release", "cancel-patch", "digits", "1.0", "1.1"), "never asked for")

        asked = self.argosy("release", "ask-patch", "digits", "1.0", "1.1", "--variant", "fp32", "--days", 2)
        self.assertEqual([(row["from_version"], row["to_version"], row["variant"]) for row in asked], [("1.0", "1.1", "fp32")])
        ready = wait_until(lambda: self.patch("digits", "fp32")["state"] == "ready" and self.patch("digits", "fp32"), 60, "the patch")
        self.assertLess(ready["ratio"], 0.95)
        self.assertEqual((ready["attempts"], ready["reason"]), (1, None))
        header, row = self.table("release", "patches", "digits").splitlines()
        for word in ("FROM", "STATE", "CODEC", "OF FULL", "ATTEMPTS", "REASON"):
            self.assertIn(word, header)
        for word in ("1.0", "1.1", "fp32", "ready", ready["codec"], f"{100 * ready['ratio']:.1f} %"):
            self.assertIn(word, row)
        self.assert_refused(5, ("release", "cancel-patch", "digits", "1.0", "1.1", "--variant", "fp32"), "is ready")

        both = self.argosy("release", "ask-patch", "digits", "1.0", "1.1")
        self.assertEqual({row["variant"] for row in both}, {"fp32", "int8"})

    def test_one_that_takes_long_is_taken_back_and_asked_for_anew(self):
        old, new = self.folder / "old.npy", self.folder / "new.npy"
        write_fine_tuned_pair(old, new, 48)
        for version, file in (("1.0", old), ("1.1", new)):
            self.argosy("release", "publish", f"waves@{version}", "--variant", file)
        self.argosy("release", "ask-patch", "waves", "1.0", "1.1")
        wait_until(lambda: self.patch("waves", "default")["state"] == "making", 30, "the server makes it")
        cancelled, = self.argosy("release", "cancel-patch", "waves", "1.0", "1.1")
        self.assertEqual(cancelled["state"], "cancelled")
        self.assertIn("cancelled by", self.patch("waves", "default")["reason"])
        self.argosy("release", "ask-patch", "waves", "1.0", "1.1")
        wait_until(lambda: self.patch("waves", "default")["state"] == "ready", 60, "the patch")

    def test_what_is_wrong_is_named(self):
        self.assert_refused(4, ("release", "patches", "nowhere"), "nowhere")
        self.assert_refused(4, ("release", "ask-patch", "nowhere", "1.0", "1.1"), "nowhere")
        self.assert_refused(1, ("release", "ask-patch", "digits", "1.0", "1.0"), "to itself")
        self.assert_refused(1, ("release", "cancel-patch", "digits", "1/0", "1.1"), "1/0")
        self.assert_refused(2, ("release", "ask-patch", "digits", "1.0"))
        self.assert_refused(2, ("release", "ask-patch", "digits", "1.0", "1.1", "--days", "91"))
