"""python -m seglib data | train | evaluate | predict | sweep | study | report. Errors are one sentence on stderr and exit code 2."""

import argparse
import os
import sys
from pathlib import Path

from seglib import errors

ROOT = Path(__file__).resolve().parents[1]
DATASETS = ("streets", "camvid", "cityscapes")
PROFILES = ("published", "smoke", "cpu", "cpu-full", "gpu")

# Each command imports what it needs when it runs: `--help` and a mistyped option answer at once, without loading torch.


def data_check(arguments) -> None:
    from seglib import data

    found = data.check(arguments.dataset, arguments.root)
    print(found)
    if not found.ok:
        raise ValueError(f"{arguments.dataset}: {found.count}, listed above")


def data_make(arguments) -> None:
    from seglib.data import streets

    folder = Path(arguments.folder)
    splits = {name: len(seeds) if arguments.limit is None else min(arguments.limit, len(seeds)) for name, seeds in streets.SPLITS.items()}
    streets.write_cityscapes(folder, splits=splits)
    print(f"written in the Cityscapes layout; use it with CITYSCAPES_DATASET={folder} and --dataset cityscapes")


def data_get(arguments) -> None:
    from seglib.data import camvid

    print(f"CamVid is in {camvid.get_camvid(Path(arguments.folder))}; export CAMVID_DATASET={arguments.folder}")


def train(arguments) -> None:
    from seglib import records, training

    like = records.load(arguments.like, "name the .json of a finished run") if arguments.like else None
    base = training.from_dict(like.config) if like else None
    config = training.config_from(arguments, base)
    record = training.train(config, folder=Path(arguments.folder), force=arguments.force, tensorboard=arguments.tensorboard)
    if os.environ.get("RANK", "0") == "0":  # one of several processes speaks
        print(f"{record.name}: {Path(arguments.folder) / (record.name + '.json')}")
        _print_scores(record)


def _print_scores(record) -> None:
    from seglib import scores

    for split, found in record.scores.items():
        miou, accuracy = 100 * scores.mean_iou(found.matrix), 100 * scores.pixel_accuracy(found.matrix)
        print(f"  {split:4} mIoU {miou:.1f} %, pixel accuracy {accuracy:.1f} %")


def evaluate(arguments) -> None:
    from seglib import data, evaluation, labels, scores
    from seglib.data import cityscapes
    from seglib.study import transfer

    if arguments.save and (arguments.split != "test" or arguments.limit or arguments.export):
        raise ValueError("--save keeps the counts of a whole test split: leave out --split, --limit and --export")
    model, config = _network(arguments)
    if arguments.export:
        written = evaluation.export(model, cityscapes.Pictures(arguments.root, arguments.official), arguments.export, size=config.size)
        print(f"{len(written)} label maps for the Cityscapes scorer in {arguments.export}")
        return
    dataset = data.load(arguments.dataset or config.dataset, arguments.split, root=arguments.root, limit=arguments.limit)
    shared = data.table(config.dataset) is not dataset.labels
    found = transfer.on_shared_classes(model, config, dataset) if shared else evaluation.evaluate(model, dataset, size=config.size)
    print(f"{arguments.run} on {dataset.name} {arguments.split}, {len(dataset)} pictures at their own size")
    for name, value in zip(labels.TABLES[found.labels].names, scores.iou(found.matrix)):
        print(f"  {name:14} {100 * value:5.1f} %")
    print(f"  {'mIoU':14} {100 * scores.mean_iou(found.matrix):5.1f} %")
    if arguments.save:
        kept = transfer.save(found, config, f"{arguments.run}-on-{dataset.name}", Path(arguments.folder))
        print(f"  kept as {kept.name}.json in {arguments.folder}")


def _network(arguments):
    """(model, config) of the run that is named, `small` being the one that comes with the project."""
    from seglib import training
    from seglib.study import store

    return training.load_file(store.SMALL) if arguments.run == "small" else training.load_model(Path(arguments.folder), arguments.run)


def predict(arguments) -> None:
    from PIL import Image

    from seglib import data, evaluation, labels
    from seglib.data import files

    model, config = _network(arguments)
    table, output = data.table(config.dataset), Path(arguments.output)
    output.mkdir(parents=True, exist_ok=True)
    for path in map(Path, arguments.images):
        predicted, _ = evaluation.predict(model, files.read_image(path), size=config.size)
        picture = Image.fromarray(labels.colorize(predicted, table))
        with errors.named(output / f"{path.stem}.png"):
            picture.save(output / f"{path.stem}.png")
        print(output / f"{path.stem}.png")


def sweep(arguments) -> None:
    from seglib import plots, training
    from seglib.study import sweeps

    base, grid, folder = training.config_from(arguments), sweeps.read_grid(arguments.grid), Path(arguments.folder)
    table = sweeps.sweep(base, grid, folder=folder, rounds=arguments.rounds, first_images=arguments.first_images)
    print(table.to_string(index=False, na_rep="-", float_format="{:.4f}".format))
    figure = plots.halving(sweeps.curves(table), "training images", "mIoU on val, %")
    for suffix in (".png", ".pdf"):
        with errors.named(folder / f"sweep{suffix}"):
            figure.savefig(folder / f"sweep{suffix}")
    print(folder / "sweep.png")


def study(arguments) -> None:
    from seglib import study

    profile = arguments.profile or os.environ.get("SEGLIB_PROFILE") or _default_profile()
    if arguments.what == "status":
        print(study.status(profile, arguments.dataset, arguments.only, runs=arguments.runs))
    elif arguments.what == "publish":
        for dataset in (arguments.dataset,) if arguments.dataset else DATASETS[:2]:
            print(f"{dataset}: {len(study.publish(profile, dataset))} records copied to report/results/{dataset}")
    else:
        study.run(profile, arguments.dataset, only=arguments.only, minutes=arguments.minutes)


def _default_profile() -> str:
    import torch

    return "gpu" if torch.cuda.is_available() else "cpu"


def report(arguments) -> None:
    from seglib import study, tables
    from seglib.study import evidence, measures

    datasets = (arguments.dataset,) if arguments.dataset else DATASETS[:2]
    if arguments.measure:
        chosen = [measure for name, measure in measures.OF_DATA.items() if name in arguments.measure]
        paths = [measure(dataset) for measure in chosen for dataset in datasets]
        paths += [measure() for name, measure in measures.OF_MODELS.items() if name in arguments.measure]
    else:
        profile = arguments.profile or os.environ.get("SEGLIB_PROFILE") or "published"
        dataset = arguments.dataset or os.environ.get("SEGLIB_DATASET") or "streets"
        found, output = evidence.collect(profile, dataset), arguments.output or os.environ.get("SEGLIB_OUTPUT")
        if not output:  # the committed tables are the published ones, whatever this machine has trained
            output = ROOT if profile == "published" else study.folder(profile, dataset)
        published = None if profile == "published" else evidence.collect("published", dataset)
        paths = tables.write(found, Path(output) / "report" / "generated", published)
        if arguments.readme:
            tables.write_readme(found, ROOT / "README.md")
    for path in paths:
        print(path.relative_to(ROOT) if path.is_relative_to(ROOT) else path)


def parser() -> argparse.ArgumentParser:
    """The command line. Only `train` and `sweep` load torch for it: their options are the fields of TrainConfig."""
    main = _Parser(prog="python -m seglib", description="Semantic segmentation of street scenes: data, training, study, report.")
    commands = main.add_subparsers(title="commands", metavar="COMMAND", required=True)
    _data_parser(commands)
    _train_parsers(commands)
    _run_parsers(commands)
    _study_parsers(commands)
    return main


def _add(commands, name, function, help):
    usage, text = f"{commands._prog_prefix} {name} [options]", help[0].upper() + help[1:] + "."
    found = commands.add_parser(name, help=help, usage=usage, description=text, formatter_class=_Help)
    found.set_defaults(function=function)
    return found


class _Parser(argparse.ArgumentParser):
    """Says what is wrong with an option in one sentence, without the whole list of options."""

    def error(self, message):
        self.exit(2, f"error: {message} ({self.prog} --help lists the options)\n")


class _Help(argparse.HelpFormatter):
    """Wider than argparse's own: one option per line where it fits."""

    def __init__(self, prog):
        super().__init__(prog, max_help_position=34, width=120)


def _data_parser(commands) -> None:
    data = commands.add_parser("data", help="check, draw or fetch a data set")
    actions = data.add_subparsers(title="actions", metavar="ACTION", required=True)
    check = _add(actions, "check", data_check, "read a data set and say what is wrong with it")
    check.add_argument("dataset", choices=DATASETS, nargs="?", default="streets")
    check.add_argument("--root", help="folder of the data set (default: CAMVID_DATASET, CITYSCAPES_DATASET)")
    make = _add(actions, "make", data_make, "write street scenes as PNG files in the Cityscapes layout")
    make.add_argument("name", choices=("streets",))
    make.add_argument("--out", dest="folder", required=True, help="the folder to write")
    make.add_argument("--format", choices=("cityscapes",), default="cityscapes", help="the layout (default: %(default)s)")
    make.add_argument("--limit", type=int, help="only the first N scenes of each split")
    get = _add(actions, "get", data_get, "download CamVid and check it")
    get.add_argument("name", choices=("camvid",))
    get.add_argument("--folder", default=str(ROOT / "runs" / "camvid"), help="where to (default: %(default)s)")


def _train_parsers(commands) -> None:
    for name, function, help in (
        ("train", train, "train one model; every setting is an option"),
        ("sweep", sweep, "compare settings by successive halving; what is tried is kept, and a sweep goes on where it stopped"),
    ):
        found = _add(commands, name, function, help)
        found.add_argument("--folder", default=str(ROOT / "runs" / name), help="where records and weights go (default: runs/" + name + ")")
        if name == "train":
            found.add_argument("--like", metavar="RECORD.json", help="train again with the settings of this record")
            found.add_argument("--force", action="store_true", help="train again even if the run is finished")
            found.add_argument("--tensorboard", action="store_true", help="also write TensorBoard logs beside the checkpoints")
        else:
            found.add_argument("--grid", action="append", metavar="NAME=A,B,C", help="a setting and its candidates; repeatable")
            found.add_argument("--rounds", type=int, default=4, help="each round halves the candidates and doubles the images (default: 4)")
            found.add_argument("--first-images", type=int, default=120, help="training images of the first round (default: 120)")
        if name in sys.argv[1:2]:
            from seglib import training

            training.add_arguments(found)


def _run_parsers(commands) -> None:
    for name, function, help in (
        ("evaluate", evaluate, "score a finished run at the labels' own size"),
        ("predict", predict, "write the label map of any photograph as a coloured PNG"),
    ):
        found = _add(commands, name, function, help)
        found.add_argument("run", help="name of the run: its record's file name without .json; small: the network of report/results")
        found.add_argument("--folder", default=str(ROOT / "runs" / "train"), help="folder of the run (default: runs/train)")
        if name == "predict":
            found.add_argument("images", nargs="+", help="PNG or JPEG files")
            found.add_argument("--output", default="predictions", help="folder for the label maps (default: predictions)")
        else:
            found.add_argument("--dataset", choices=DATASETS, help="score on this data set (default: the run's own)")
            found.add_argument("--split", choices=("train", "val", "test"), default="test")
            found.add_argument("--root", help="folder of the data set")
            found.add_argument("--limit", type=int, help="only the first N pictures")
            found.add_argument("--save", action="store_true", help="keep the counts as the record RUN-on-DATASET in the folder of the run")
            found.add_argument("--export", metavar="DIR", help="write label-id PNGs for the Cityscapes scorer or server instead")
            found.add_argument("--official", default="test", choices=("val", "test"), help="of --export (default: test)")


def _study_parsers(commands) -> None:
    found = _add(commands, "study", study, "train what is missing of the report's experiments, or say what is")
    found.add_argument(
        "what", nargs="?", choices=("run", "status", "publish"), default="run", help="run (default), status, or publish finished records"
    )
    found.add_argument("--profile", choices=PROFILES, help="default: SEGLIB_PROFILE, else gpu where there is one, else cpu")
    found.add_argument("--dataset", choices=DATASETS, help="default: streets, and CamVid in turn where CAMVID_DATASET names it")
    found.add_argument("--only", action="append", metavar="NAME", help="experiment (losses) or notebook (07); repeatable")
    found.add_argument("--minutes", type=float, help="begin no run that cannot end within so many minutes")
    found.add_argument("--runs", action="store_true", help="status: list every missing run")
    made = _add(commands, "report", report, "write the report's numbers and tables from the records")
    made.add_argument("--profile", choices=PROFILES, help="lay this profile's numbers over the published ones")
    made.add_argument("--dataset", choices=DATASETS, help="the data set of that profile (default: streets)")
    made.add_argument("--output", help="folder to write to (default: report/generated, or below the profile's folder)")
    made.add_argument("--readme", action="store_true", help="also renew the results table of README.md")
    made.add_argument(
        "--measure", action="append", choices=("baselines", "grids", "models", "speed"), help="measure bounds of the data or models anew"
    )


def main(words: list[str] | None = None) -> int:
    """Run one command -> exit code: 0, 2 for an error that is said in one sentence, 130 when stopped."""
    sys.argv[1:] = sys.argv[1:] if words is None else words
    try:
        arguments = parser().parse_args()  # of some commands, the options too need torch
        arguments.function(arguments)
    except KeyboardInterrupt as stop:
        saved = str(stop) or "finished runs are kept, those in progress from where they were last saved"
        print(f"\nstopped: {saved}; the same command goes on from there", file=sys.stderr)
        return 130
    except Exception as error:
        if os.environ.get("SEGLIB_DEBUG"):
            raise
        print(f"error: {errors.sentence(error)}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
