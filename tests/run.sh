#!/usr/bin/env bash
# The tests: bash tests/run.sh [--all] [pytest options]. --all adds the long fault tests, the peers and the browser.
[ -n "${BASH_VERSION:-}" ] || { echo "error: this is a script for bash: bash $0" >&2; exit 2; }
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/../notebooks/environment.sh"
if [ -n "${CAMVID_DATASET:-}" ] && [ ! -d "$CAMVID_DATASET/train" ]; then
  fail "CAMVID_DATASET=$CAMVID_DATASET is not a folder with CamVid (train, trainannot, ...): correct it, or unset it to skip the tests on photographs"
fi
environment "$ROOT/requirements.txt" "$ROOT/tests/requirements.txt"
cd "$ROOT"
if [ -z "${CAMVID_DATASET:-}" ]; then
  echo "CAMVID_DATASET is not set: the tests on photographs are skipped"
fi
"$PY" -m ruff check .
exec "$PY" -m pytest tests "$@"
