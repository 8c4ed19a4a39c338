# Sourced by notebooks/run.sh and tests/run.sh: sets ROOT and PY, and makes .venv with the pinned packages.
# environment <requirements file>... : installs what the files pin, once per content of the files.

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
VENV=${SEGLIB_VENV:-$ROOT/.venv}
PY=$VENV/bin/python

fail() {
  echo "error: $*" >&2
  exit 2
}

find_python() {
  local candidate
  for candidate in ${PYTHON:-} python3.12 python3.11 python3 python; do
    if command -v "$candidate" >/dev/null 2>&1 &&
      "$candidate" -c 'import sys; sys.exit(sys.version_info[:2] not in ((3, 11), (3, 12)))' 2>/dev/null; then
      echo "$candidate"
      return
    fi
  done
  fail "Python 3.11 or 3.12 is needed and was not found ($(python3 --version 2>&1)): install one, or name it: PYTHON=/path/to/python3.12 bash $0"
}

enough_space() {
  local free_kb place=$VENV
  while [ ! -d "$place" ]; do place=$(dirname "$place"); done
  free_kb=$(df -Pk "$place" | awk 'NR == 2 {print $4}')
  [ "$free_kb" -ge 9000000 ] ||
    fail "the packages need 9 GB of disk below $place, and $((free_kb / 1000000)) GB are free: make room, or set SEGLIB_VENV to a folder on a larger disk"
}

environment() {
  local stamp python
  stamp=$VENV/.installed-$(cat "$@" | cksum | tr ' ' '-')
  [ -e "$stamp" ] && [ -x "$PY" ] && return
  python=$(find_python) || exit 2
  if ! "$PY" -m pip --version >/dev/null 2>&1; then # none yet, or one whose making was interrupted
    enough_space
    echo "making $VENV with $($python --version)"
    "$python" -m venv "$VENV" || fail "no virtual environment could be made in $VENV: on Debian and Ubuntu 'apt-get install python3-venv' provides it"
    "$PY" -m pip install --quiet --upgrade 'pip>=23.1' || echo "pip stays at $("$PY" -m pip --version | cut -d' ' -f2)"
  fi
  echo "installing packages (some minutes at the first time)"
  local file arguments=()
  for file in "$@"; do arguments+=(-r "$file"); done
  "$PY" -m pip install --quiet --progress-bar off "${arguments[@]}" 2>"$VENV/pip.log" || {
    grep -v '^WARNING' "$VENV/pip.log" | tail -n 5 >&2
    fail "the packages could not be installed: check the internet connection and the free disk, then run this command again; it goes on where it stopped"
  }
  : >"$stamp"
}
