"""Publishing: finished records -> report/results, and from them the committed notebooks, figures and PDF. Called by run.sh --publish.

Everything is put together in runs/publish first. The committed files are replaced at the end, when all notebooks have run and the PDF is
built; a failure before leaves them as they were.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
STAGE = ROOT / "runs" / "publish"
PICTURES = "streets"  # committed notebooks show street scenes; the other data sets appear as numbers, curves and label maps
SMALL_BYTES = 8_000_000


def stage_results(profile: str, dataset: str) -> Path:
    """report/results with the finished runs of a profile laid over it, and what figures need of their weights -> the staged folder."""
    results = STAGE / "results"
    if (ROOT / "report" / "results").is_dir():
        shutil.copytree(ROOT / "report" / "results", results)
    results.mkdir(parents=True, exist_ok=True)
    os.environ["SEGLIB_RESULTS"] = str(results)  # before seglib is imported: from here on it reads the staged records
    from seglib import study

    names = study.publish(profile, dataset, results)
    print(f"  {len(names)} records of the {profile} profile on {dataset}")
    measured = study.folder(profile, dataset) / "kept"
    for path in sorted(measured.glob("measure-*.json")):
        if not (path.name.startswith("measure-baselines") and (results / path.name).exists()):  # quick ones do not replace the full ones
            shutil.copyfile(path, results / path.name)
    for place in dict.fromkeys((dataset, "camvid")):  # CamVid's take seconds
        keep_arrays(results / place)
    small = small_network(profile, dataset, published_small(results))
    if small and (dataset == "camvid" or not (results / "small.pt").exists()):  # one that has seen photographs is the better default
        for suffix in ("", ".sha256"):
            shutil.copyfile(f"{small}{suffix}", results / f"small.pt{suffix}")
        print(f"  the small network is {small.parent.name}, {small.stat().st_size / 1e6:.1f} MB")
    return results


def keep_arrays(folder: Path) -> None:
    """Predicted label maps and attention of the published runs, made from weights that are on this machine; else the old ones stay."""
    import json

    import numpy as np

    from seglib import exhibits, notebook, records

    page = notebook.Page("publish", "published", folder.name)
    for name, make in exhibits.KEPT.get(folder.name, {}).items():
        try:
            arrays = make(page)
        except FileNotFoundError as error:
            print(f"  {folder.name}/{name}: kept as they were ({error})")
            continue
        np.savez_compressed(folder / f"{name}.npz", **arrays)
        if (folder / f"{name}.npz").stat().st_size > notebook.KEPT_BYTES:
            raise ValueError(f"{folder.name}/{name}.npz is larger than {notebook.KEPT_BYTES} bytes")
    times = folder.parent / "measure-encoders.json"
    if not times.exists():
        records.write_atomic(times, json.dumps(exhibits.encoder_times((128, 256, 512)), indent=1).encode() + b"\n")


def published_small(results: Path) -> tuple[str, float]:
    """(data set, val mIoU) of the small network that is published, by its record; ("", -1) where there is none."""
    from seglib import records, training

    if not (results / "small.pt").is_file():
        return "", -1.0
    _, config = training.load_file(results / "small.pt")
    record = results / config.dataset / f"{training.run_name(config)}.json"
    return config.dataset, records.load(record).val_miou if record.is_file() else -1.0


def small_network(profile: str, dataset: str, published: tuple[str, float] = ("", -1.0)) -> Path | None:
    """Weights of the run with the best val mIoU that fit in 8 MB; None where no weights are on this machine, or none better than those of
    the `published` one (its data set, its val mIoU): weights of earlier runs may be gone."""
    from seglib import study

    folder, found = study.folder(profile, dataset), []
    for record in study.finished(profile, dataset).values():
        weights = folder / record.name / "weights.pt"
        if weights.is_file() and weights.stat().st_size <= SMALL_BYTES:
            found.append((record.val_miou, weights))
    best = max(found, default=(-1.0, None))
    return best[1] if published[0] != dataset or best[0] > published[1] else None


def step(words: list[str], environment: dict) -> None:
    """Run one command of the publication; RuntimeError names it when it fails."""
    print("  " + " ".join(words[-4:]), flush=True)
    result = subprocess.run(words, cwd=ROOT, env=environment, check=False)
    if result.returncode:
        raise RuntimeError(
            f"{' '.join(words)} ended with {result.returncode}: nothing committed was changed; see {STAGE.relative_to(ROOT)}"
        )


def replace(source: Path, target: Path, pattern: str) -> int:
    """Move the files of `source` that match over those of `target` -> how many."""
    target.mkdir(parents=True, exist_ok=True)
    paths = sorted(source.glob(pattern))
    for path in paths:
        part = target / f".{path.name}.part"
        shutil.copyfile(path, part)
        part.replace(target / path.name)
    return len(paths)


def publish(profile: str, dataset: str) -> int:
    """The whole publication -> 0, or 1 after a sentence on what went wrong."""
    sys.path.insert(0, str(ROOT))
    shutil.rmtree(STAGE, ignore_errors=True)
    STAGE.mkdir(parents=True)
    try:
        results = stage_results(profile, dataset)
        environment = os.environ | {
            "SEGLIB_RESULTS": str(results), "SEGLIB_OUTPUT": str(STAGE), "SEGLIB_PROFILE": "published", "SEGLIB_DATASET": PICTURES,
        }  # fmt: skip
        step([sys.executable, str(HERE / "execute.py"), "--profile", "published", "--dataset", PICTURES], environment)
        step(["bash", str(ROOT / "report" / "build.sh"), "--output", str(STAGE)], environment)
    except (RuntimeError, OSError, ValueError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    finish(results)
    return 0


def finish(results: Path) -> None:
    """Everything has succeeded: put it in place, records first, so that a reader never sees a figure of records that are not there."""
    target = ROOT / "report" / "results"
    for folder in (results, *sorted(path for path in results.iterdir() if path.is_dir())):
        place = target / folder.relative_to(results)
        replace(folder, place, "*.*")
        for old in place.glob("*.json"):
            if not (folder / old.name).exists():  # a run that another profile's runs have replaced
                old.unlink()
    counts = {
        "notebooks": replace(STAGE / "notebooks", HERE, "[0-9][0-9]_*.ipynb"),
        "figures": replace(STAGE / "figures", ROOT / "figures", "*.p*"),
        "tables": replace(STAGE / "report" / "generated", ROOT / "report" / "generated", "*.tex"),
        "pdf": replace(STAGE, ROOT / "report", "report.pdf"),
    }
    print("  published: " + ", ".join(f"{count} {name}" for name, count in counts.items()))
