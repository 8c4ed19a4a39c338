#!/usr/bin/env bash
# The tests: bash tests/run.sh [--all] [pytest options]. --all adds the long fault tests, the peers and the browser.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/../notebooks/environment.sh"

environment "$ROOT/requirements.txt" "$ROOT/tests/requirements.txt"
cd "$ROOT"
if [ -z "${CAMVID_DATASET:-}" ]; then
  echo "CAMVID_DATASET is not set: the tests on photographs are skipped"
fi
"$PY" -m ruff check .
exec "$PY" -m pytest tests "$@"
