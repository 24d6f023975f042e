#!/usr/bin/env python3
"""Check what a compiler does not: links between documents, migrations' numbers, every script's syntax and --help, and that
nothing but text lies outside the folders for other files.

Usage: check_repository.py [FOLDER]       (default: this repository)      Prints each problem and exits 1.
"""
import os
import re
import subprocess
import sys
from pathlib import Path

LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)|!\[[^\]]*\]\(([^)\s]+)\)")
CODE = re.compile(r"^( {0,3})(```|~~~).*?^\1\2\s*$|`[^`\n]*`", re.MULTILINE | re.DOTALL)
MIGRATION = re.compile(r"(\d{4})_[a-z0-9_]+\.sql")
HELP_TIMEOUT_S = 10
NOT_TEXT = re.compile(r"tests/(.*/)?(corpus|data|fixtures|golden|recorded)/|docs/images/|examples/[^/]+/(data|models)/|examples/[^/]+/[^/]+\.tflite$")


def tracked(root):
    """What git knows, and what is new and not ignored."""
    listed = subprocess.run(["git", "-C", root, "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
                            check=True, capture_output=True).stdout
    paths = (root / name for name in listed.decode().split("\0") if name)
    return sorted({path for path in paths if path.is_file() and not path.is_symlink()})


def anchors(text):
    """The anchors a reader's browser makes of the headings."""
    headings = re.findall(r"^#{1,6}\s+(.+?)\s*#*$", re.sub(r"```.*?```", "", text, flags=re.DOTALL), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in headings}


def broken_links(root, files):
    for file in files:
        if file.suffix != ".md":
            continue
        text = CODE.sub("", file.read_text())
        for found in LINK.finditer(text):
            link = found.group(1) or found.group(2)
            if re.match(r"[a-z][a-z0-9+.-]*:", link):
                continue
            path, _, anchor = link.partition("#")
            target = (root / path.lstrip("/") if path.startswith("/") else file.parent / path) if path else file
            if not target.exists():
                yield f"{file.relative_to(root)}: link to {link}: no such file"
            elif anchor and target.suffix == ".md" and anchor not in anchors(target.read_text()):
                yield f"{file.relative_to(root)}: link to {link}: no such heading"


def misnumbered_migrations(root):
    names = sorted(path.name for path in (root / "migrations").glob("*.sql"))
    for expected, name in enumerate(names, start=1):
        found = MIGRATION.fullmatch(name)
        if not found:
            yield f"migrations/{name}: the name is not NNNN_name.sql"
        elif int(found[1]) != expected:
            yield f"migrations/{name}: number {expected:04} was due; numbers run without holes or twins"
            return


def first_line(file):
    with open(file, "rb") as opened:
        return opened.readline(200).decode(errors="replace")


def wrong_scripts(root, files):
    for file in files:
        shebang = first_line(file)
        if file.suffix == ".py" or re.match(r"#!.*\bpython3?\b", shebang):
            yield from python_errors(root, file)
        elif file.suffix == ".sh" or re.match(r"#!.*\b(ba|da)?sh\b", shebang):
            yield from shell_errors(root, file, shebang)


def python_errors(root, file):
    try:
        compile(file.read_bytes(), str(file), "exec")
    except SyntaxError as error:
        yield f"{file.relative_to(root)}:{error.lineno}: {error.msg}"


def shell_errors(root, file, shebang):
    shell = "sh" if re.match(r"#!.*/(env )?(da)?sh\b", shebang) else "bash"
    done = subprocess.run([shell, "-n", file], capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False)
    if done.returncode != 0:
        yield f"{file.relative_to(root)}: {done.stderr.strip()}"


def commands(root):
    """What a person may call: the file, and the words to call it with."""
    for folder in ("scripts", ".ci"):
        for file in sorted((root / folder).glob("*")):
            if file.is_file():
                yield file, [file]
    for file in sorted((root / "scripts/bench.d").glob("*")):
        if file.is_file():
            yield file, [root / "scripts/bench", file.name]


def commands_without_help(root):
    for file, words in commands(root):
        name = file.relative_to(root)
        if not os.access(file, os.X_OK):
            yield f"{name}: not executable"
            continue
        try:
            done = subprocess.run([*words, "--help"], capture_output=True, text=True, stdin=subprocess.DEVNULL, cwd="/",
                                  timeout=HELP_TIMEOUT_S, check=False)
        except (OSError, subprocess.TimeoutExpired) as error:
            yield f"{name} --help: {error}"
            continue
        if done.returncode != 0 or "usage" not in done.stdout.lower():
            yield f"{name} --help: ended with status {done.returncode} and {len(done.stdout)} characters without a usage line"


def stray_binaries(root, files):
    for file in files:
        name = file.relative_to(root).as_posix()
        content = file.read_bytes()
        if not NOT_TEXT.match(name) and (b"\0" in content or not is_utf8(content)):
            yield f"{name}: not text; such files belong below tests/**/data, in docs/images or in examples/*/data and models"


def is_utf8(content):
    try:
        content.decode()
    except UnicodeDecodeError:
        return False
    return True


def problems(root):
    files = tracked(root)
    yield from stray_binaries(root, files)
    yield from broken_links(root, files)
    yield from misnumbered_migrations(root)
    yield from wrong_scripts(root, files)
    yield from commands_without_help(root)


def main(arguments):
    if arguments[:1] in (["--help"], ["-h"]):
        print(__doc__)
        return 0
    root = Path(arguments[0]).resolve() if arguments else Path(__file__).resolve().parents[2]
    found = list(problems(root))
    for problem in found:
        print(problem)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
