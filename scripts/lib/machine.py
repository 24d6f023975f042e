"""What a measurement was taken on."""
import os
from pathlib import Path


def machine():
    models = [line.partition(":")[2].strip() for line in Path("/proc/cpuinfo").read_text().splitlines()
              if line.startswith("model name")]
    return f"{models[0] if models else os.uname().machine}, {os.cpu_count()} cores"
