#!/usr/bin/env python3
"""Print an apt source for Debian 13 (trixie) made from this machine's own Debian 12 source.

Same mirror, same signing key, another suite. Reads both forms apt knows: deb822 (*.sources) and one line (*.list).
Usage: trixie_source.py [APT_FOLDER]      (default /etc/apt)
"""
import re
import sys
from pathlib import Path

FROM, TO = "bookworm", "trixie"
KEPT = ("URIs", "Signed-By", "Trusted", "Check-Valid-Until")


def deb822_sources(text):
    """Each stanza as a dict; a continued value (an inline key) keeps its lines."""
    for stanza in re.split(r"\n\s*\n", text):
        fields, name = {}, None
        for line in stanza.splitlines():
            if line.startswith("#"):
                continue
            if line[:1] in (" ", "\t") and name:
                fields[name] += "\n" + line
            elif ":" in line:
                name, value = line.split(":", 1)
                name = name.strip().title().replace("Uris", "URIs")
                fields[name] = value.strip()
        if fields:
            yield fields


def one_line_sources(text):
    """Each `deb [options] URI suite component...` as the same dict a stanza gives."""
    for line in text.splitlines():
        found = re.match(r"\s*(deb)\s+(?:\[([^\]]*)\]\s+)?(\S+)\s+(\S+)\s+([^#]+)", line)
        if not found:
            continue
        kind, options, uri, suite, components = found.groups()
        fields = {"Types": kind, "URIs": uri, "Suites": suite, "Components": components.strip()}
        for option in (options or "").split():
            name, _, value = option.partition("=")
            fields[name.title()] = value
        yield fields


def is_the_debian_archive(fields):
    return ("deb" in fields.get("Types", "").split()
            and FROM in fields.get("Suites", "").split()
            and "main" in fields.get("Components", "").split()
            and fields.get("Enabled", "yes").lower() not in ("no", "false", "0"))


def trixie_source(apt_folder):
    files = [apt_folder / "sources.list"]
    files += sorted((apt_folder / "sources.list.d").glob("*"))
    for file in files:
        if not file.is_file() or file.suffix not in (".list", ".sources"):
            continue
        read = deb822_sources if file.suffix == ".sources" else one_line_sources
        for fields in read(file.read_text()):
            if is_the_debian_archive(fields):
                lines = [f"{name}: {fields[name]}" for name in KEPT if name in fields]
                return "\n".join(["Types: deb", *lines, f"Suites: {TO}", "Components: main"])
    return None


def main():
    apt_folder = Path(sys.argv[1] if len(sys.argv) > 1 else "/etc/apt")
    source = trixie_source(apt_folder)
    if source is None:
        sys.exit(f"no source for '{FROM} main' under {apt_folder}: add Debian 12's archive there, or set "
                 "ONNXRUNTIME_ROOT to an official ONNX Runtime release")
    print(source)


if __name__ == "__main__":
    main()
