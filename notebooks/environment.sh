# Sourced by notebooks/run.sh and tests/run.sh: sets ROOT and PY, and makes .venv with the pinned packages.
# environment <requirements file>... : installs what the files pin, once per content of the files.
# Whatever goes wrong ends in one sentence that says what to do, and in exit code 2.

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
VENV=${SEGLIB_VENV:-$ROOT/.venv}
case $VENV in /*) ;; *) VENV=$PWD/$VENV ;; esac # the scripts change folder
[ -z "${SEGLIB_VENV:-}" ] || export SEGLIB_VENV=$VENV # report/build.sh reads it
PY=$VENV/bin/python
export PIP_DISABLE_PIP_VERSION_CHECK=1 # its notices are no concern of a reader

fail() {
  echo "error: $*" >&2
  exit 2
}

fits() { "$1" -c 'import sys; sys.exit(sys.version_info[:2] not in ((3, 11), (3, 12)))' 2>/dev/null; }

# The Python to make .venv with. One that was named with PYTHON= must fit: another is not taken behind the user's back.
find_python() {
  local candidate found
  if [ -n "${PYTHON:-}" ]; then
    fits "$PYTHON" || fail "PYTHON=$PYTHON is not a Python 3.11 or 3.12 that runs: name another, or leave PYTHON out"
    echo "$PYTHON" && return
  fi
  for candidate in python3.12 python3.11 python3 python; do
    if fits "$candidate"; then echo "$candidate" && return; fi
  done
  found=$(python3 --version 2>/dev/null) || found="no Python"
  fail "Python 3.11 or 3.12 is needed, and $found is here: install one, or name it: PYTHON=/path/to/python3.12 bash $0"
}

enough_space() {
  local free_kb place=$VENV
  while [ ! -d "$place" ]; do place=$(dirname "$place"); done
  [ -w "$place" ] || fail "$place cannot be written to: make it writable, or set SEGLIB_VENV to a folder that is"
  free_kb=$(df -Pk "$place" | awk 'NR == 2 {print $4}')
  [ "$free_kb" -ge 9000000 ] ||
    fail "the packages need 9 GB of disk below $place, and $((free_kb / 1000000)) GB are free: make room, or set SEGLIB_VENV to a folder on a larger disk"
}

# Makes .venv, or makes it again where an interruption or a Python that has gone left one without a working Python or pip.
make_venv() {
  local python log clear=()
  python=$(find_python) || exit 2
  enough_space
  [ ! -e "$VENV/pyvenv.cfg" ] || clear=(--clear) # never empties a folder that is not a virtual environment
  echo "making $VENV with $("$python" --version)"
  log=$("$python" -m venv ${clear[@]+"${clear[@]}"} "$VENV" 2>&1) && "$PY" -m pip --version >/dev/null 2>&1 && return
  case $log in
    *"No space left"*) fail "the disk is full: make room, or set SEGLIB_VENV to a folder on a larger disk, then run this command again" ;;
    *ensurepip* | *"No module named"* | "")
      fail "$python cannot make virtual environments: on Debian and Ubuntu 'apt-get install python3-venv' mends that; then run this command again" ;;
  esac
  fail "no virtual environment could be made in $VENV (${log##*$'\n'}): remove that folder, then run this command again"
}

# Why pip failed, from its log: one sentence.
explain() {
  if grep -qi 'no space left\|disk quota' "$1"; then
    fail "the disk is full: make room in $VENV and ${TMPDIR:-/tmp}, or set SEGLIB_VENV and TMPDIR to folders on a larger disk, then run this command again"
  elif grep -qiE 'connection|name resolution|timed out|proxy|certificate|unreachable' "$1"; then
    fail "the packages could not be fetched: check the internet connection (or proxy), then run this command again; it goes on where it stopped"
  fi
  fail "pip could not install the packages ($(grep -i '^error' "$1" | tail -n 1)): see $1, then run this command again"
}

# Packages of .venv whose files are not all there: pip was stopped while it copied them, and takes them for installed.
halves() {
  "$PY" -c '
from importlib.metadata import distributions
for one in distributions():
    if one.files is None or not all(file.locate().exists() for file in one.files if file.suffix != ".pyc"):
        print(one.metadata["Name"] or one._path.name, end=" ")'
}

environment() {
  local stamp file half log=$VENV/pip.log arguments=()
  stamp=$VENV/.installed-$(cat "$@" | cksum | tr ' ' '-')
  if [ -n "${PYTHON:-}" ] && fits "$PY"; then
    echo "PYTHON=$PYTHON is not used: $VENV is there already, with $("$PY" --version); remove that folder to make it with another" >&2
  fi
  [ -e "$stamp" ] && fits "$PY" && return
  if ! "$PY" -m pip --version >/dev/null 2>&1; then make_venv; fi
  fits "$PY" || fail "$VENV has $("$PY" --version), and 3.11 or 3.12 is needed: remove that folder, or set SEGLIB_VENV to a new one"
  echo "installing packages (some minutes at the first time)"
  for file in "$@"; do arguments+=(-r "$file"); done
  # An old pip may not know the newer wheels, and a newer one is no reason to ask the internet.
  "$PY" -c 'import sys, pip; sys.exit(tuple(map(int, pip.__version__.split(".")[:2])) < (23, 1))' ||
    "$PY" -m pip install --quiet --upgrade 'pip>=23.1' >"$log" 2>&1 || explain "$log"
  "$PY" -m pip install --quiet --progress-bar off "${arguments[@]}" >"$log" 2>&1 || explain "$log"
  half=$(halves)
  [ -z "$half" ] || fail "$VENV is half installed (${half% }): remove that folder, then run this command again"
  : >"$stamp"
}
