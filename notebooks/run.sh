#!/usr/bin/env bash
# The main job: trains what is missing, executes every notebook, draws the figures and builds the PDF.
# Stop it at any time; the same command goes on where it stopped.
[ -n "${BASH_VERSION:-}" ] || { echo "error: this is a script for bash: bash $0" >&2; exit 2; }
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/environment.sh"

usage() {
  cat <<'TEXT'
bash notebooks/run.sh [--profile published|smoke|cpu|cpu-full|gpu] [--dataset streets|camvid|cityscapes] [--only 07|losses] [--publish]

  --profile   published  opens the committed records, trains nothing (3 minutes)
              smoke      every path, tiny (6 minutes)
              cpu        the main job on a laptop (40 minutes); the default without a GPU
              cpu-full   the whole study at those sizes (5 hours, resumable)
              gpu        full-size models; the default where CUDA is there
  --dataset   streets (default: drawn, nothing to download), camvid (CAMVID_DATASET), cityscapes (CITYSCAPES_DATASET)
  --only      one notebook by its number (07) or one experiment by its name (losses); may be given several times
  --publish   copies finished records to report/results and renews the committed notebooks, figures and PDF

Everything goes to runs/<profile>-<dataset>/.
TEXT
}

# Photographs are looked for before anything is installed or trained; seglib checks them file by file.
photographs() {
  case $dataset in
    camvid) [ -d "${CAMVID_DATASET:-}/train" ] || fail "CAMVID_DATASET=${CAMVID_DATASET:-} is not a folder with CamVid (train, trainannot, ...): export it; README.md says how to get it" ;;
    cityscapes) [ -d "${CITYSCAPES_DATASET:-}/leftImg8bit" ] || fail "CITYSCAPES_DATASET=${CITYSCAPES_DATASET:-} is not a folder with leftImg8bit and gtFine: export it; README.md says how to get it" ;;
  esac
}

profile="" dataset=streets publish="" only=()
while [ $# -gt 0 ]; do
  case $1 in
    --profile | --dataset | --only) [ -n "${2:-}" ] || fail "$1 needs a value: bash notebooks/run.sh --help lists them" ;;
  esac
  case $1 in
    --profile) profile=$2 && shift 2 ;;
    --dataset) dataset=$2 && shift 2 ;;
    --only) only+=(--only "$2") && shift 2 ;;
    --publish) publish=1 && shift ;;
    -h | --help) usage && exit 0 ;;
    *) fail "unknown option $1: bash notebooks/run.sh --help lists them" ;;
  esac
done
case $profile in "" | published | smoke | cpu | cpu-full | gpu) ;; *) fail "unknown profile $profile: choose published, smoke, cpu, cpu-full or gpu" ;; esac
case $dataset in streets | camvid | cityscapes) ;; *) fail "unknown data set $dataset: choose streets, camvid or cityscapes" ;; esac
[ "$profile" = published ] || photographs

environment "$ROOT/requirements.txt"
cd "$ROOT"
if [ -z "$profile" ]; then
  profile=$("$PY" -c 'import torch; print("gpu" if torch.cuda.is_available() else "cpu")')
fi

export SEGLIB_PROFILE=$profile SEGLIB_DATASET=$dataset SEGLIB_OUTPUT="$ROOT/runs/$profile-$dataset"
export JUPYTER_PREFER_ENV_PATH=1 PYTHONUNBUFFERED=1
mkdir -p "$SEGLIB_OUTPUT" || fail "cannot write to $SEGLIB_OUTPUT: make the folder writable"
started=$SECONDS
part() { printf '\n[%s] %s  (%d min since the start)\n' "$1" "$2" $(((SECONDS - started) / 60)); }

if [ "$profile" != published ]; then
  part 1/3 "training what is missing: $profile profile, $dataset"
  "$PY" -m seglib study --profile "$profile" --dataset "$dataset" ${only[@]+"${only[@]}"}
fi
part 2/3 "executing the notebooks"
"$PY" notebooks/execute.py --profile "$profile" --dataset "$dataset" ${only[@]+"${only[@]}"}
part 3/3 "building the PDF"
status=0
bash report/build.sh --output "$SEGLIB_OUTPUT" || status=$?
[ "$status" -eq 0 ] || [ "$status" -eq 3 ] || exit "$status" # 3: no LaTeX here; the script has said how to install it
if [ -n "$publish" ]; then
  part 4 "publishing: records, notebooks, figures, PDF"
  "$PY" notebooks/execute.py --publish --from "$profile" --dataset "$dataset"
fi
printf '\ndone in %d minutes: %s\n' $(((SECONDS - started) / 60)) "runs/$profile-$dataset"
