# Sourced by the scripts: where the repository is, and how a script speaks. Progress goes to stderr, results to stdout.

ARGOSY_ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)

say() { printf '%s %s\n' "$(date +%H:%M:%S)" "$*" >&2; }
fail() {
  printf '%s: %s\n' "${0##*/}" "$*" >&2
  exit 1
}

# The help of a script is the comment at its top: from line 2 to the first line that is not a comment.
help_from_top() { sed -n '2,/^[^#]/{s/^# \{0,1\}//p}' "$1"; }
