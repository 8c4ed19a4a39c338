#!/usr/bin/env bash
# Builds report.pdf: writes report/generated from the records, typesets in a scratch folder, checks the log, then moves the PDF.
# A failed build leaves the last good PDF alone. With --output (or SEGLIB_OUTPUT) that folder is read over the repository's and gets the PDF.
set -euo pipefail
ROOT="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
PACKAGES="texlive-latex-base texlive-latex-recommended texlive-latex-extra texlive-fonts-recommended latexmk lmodern poppler-utils"
say() { printf '%s\n' "$*" >&2; }

output="${SEGLIB_OUTPUT:-}" generate=1 scratch=""
while [ $# -gt 0 ]; do
  case $1 in
    --output) output=${2:?--output needs a folder} && shift 2 ;;
    --no-generate) generate="" && shift ;; # typeset the tables and numbers that are there
    --scratch) scratch=${2:?--scratch needs a folder} && shift 2 ;; # typeset there and keep it, to read the log
    -h | --help) say "bash report/build.sh [--output DIR] [--no-generate] [--scratch DIR]" && exit 0 ;;
    *) say "unknown option $1: bash report/build.sh [--output DIR] [--no-generate] [--scratch DIR]" && exit 2 ;;
  esac
done

python="${SEGLIB_VENV:-$ROOT/.venv}/bin/python"
[ -x "$python" ] || python=python3
if [ -n "$output" ]; then
  mkdir -p "$output/report"
  output="$(cd "$output" && pwd)"
  export SEGLIB_OUTPUT="$output"
fi
if [ -n "$generate" ]; then (cd "$ROOT" && "$python" -m seglib report) || { say "report: the tables and numbers could not be written (see above); no PDF made"; exit 1; }; fi

latex_is_here() { command -v latexmk >/dev/null && command -v pdflatex >/dev/null && kpsewhich lmodern.sty >/dev/null; }
if ! latex_is_here; then
  if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    say "installing LaTeX (about 104 MB)"
    # shellcheck disable=SC2086
    { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $PACKAGES >/dev/null; } || true
  fi
  if ! latex_is_here; then
    say "no LaTeX, or not all of it, on this machine, so no PDF; on Debian or Ubuntu: sudo apt-get install $PACKAGES"
    exit 3
  fi
fi

# One folder with everything: the repository's files, and over them those of the output folder.
if [ -z "$scratch" ]; then
  scratch="$(mktemp -d)"
  trap 'rm -rf "$scratch"' EXIT
fi
mkdir -p "$scratch/generated" "$scratch/figures"
cp -r "$ROOT"/report/{report,preamble,published}.tex "$ROOT/report/references.bib" "$ROOT/report/sections" "$scratch/"
for base in "$ROOT" ${output:+"$output"}; do
  for file in "$base"/report/generated/*.tex; do [ -e "$file" ] && cp "$file" "$scratch/generated/"; done
  for file in "$base"/figures/*.pdf; do [ -e "$file" ] && cp "$file" "$scratch/figures/"; done
done

export SOURCE_DATE_EPOCH=1704067200 FORCE_SOURCE_DATE=1 max_print_line=2000 TZ=UTC
cd "$scratch"
if ! latexmk -pdf -e '$max_repeat=9' -interaction=nonstopmode -halt-on-error -file-line-error -silent report.tex >latexmk.out 2>&1; then
  say "report: LaTeX stopped"
  grep -hE -A4 '^(\./)?[^ :]+:[0-9]+: |^! ' report.log | head -20 >&2 || tail -20 latexmk.out >&2
  grep -hE 'error message|couldn.t open|find a database' report.blg 2>/dev/null >&2 || true
  exit 1
fi

problems="$(grep -hE 'undefined|multiply defined|Reference .* on page|Citation .* on page|Missing character|Rerun to get|Float too large' report.log |
  grep -vE 'Font shape|Package: |rerunfilecheck' || true)
$(grep -hE '^Warning--' report.blg || true)
$(awk '/^Overfull \\[hv]box \(/ { split($3, a, "("); if (a[2] + 0 > 1) print; getline; print }' report.log)"
problems="$(printf '%s\n' "$problems" | sed '/^$/d')"
if [ -n "$problems" ]; then
  say "report: the PDF is not clean:"
  printf '%s\n' "$problems" | head -40 >&2
  exit 1
fi

target="${output:-$ROOT/report}/report.pdf"
cp report.pdf "$target.part" && mv "$target.part" "$target"
printf 'report: %s (%s pages)\n' "${target#"$ROOT"/}" "$(grep -oE 'Output written on .*\(([0-9]+) pages?' report.log | grep -oE '[0-9]+ page' | grep -oE '[0-9]+')"
