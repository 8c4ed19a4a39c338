"""Run by hand: python tests/benchmarks/loop.py [--steps 20] [--threads N]. What the loop costs over forward + backward + step.

Bare steps and steps of the loop take turns in one process, and who begins changes from round to round. Both do forward, backward,
clipping and the optimiser's step. The loop alone draws, augments and normalises its batch, sets rates and seeds, checks for numbers
that are not finite, counts, and shows a line. Overheads are medians over the rounds of loop / bare - 1, in CPU time of the process
(all threads), which other processes disturb little, and by the clock, which counts on an idle machine alone; behind them are their
quartiles. Waiting is the share of the loop's time before a batch is there. Images are made up: resident as any set that fits in
memory, or `streamed` from the cache's memory maps through threads.
"""

import argparse
import contextlib
import functools
import io
import sys
import tempfile
import time
from pathlib import Path
from statistics import median, quantiles

import torch
from torch import nn

sys.path[:0] = [str(Path(__file__).resolve().parents[2]), str(Path(__file__).resolve().parents[1])]

from training_helpers import Blocks  # noqa: E402

from seglib import data, training  # noqa: E402
from seglib.data import cache  # noqa: E402
from seglib.training import batches, loop, state  # noqa: E402
from seglib.training.progress import Progress  # noqa: E402

MODELS = {"unet": {"width": 16}, "fcn_baseline": {"width": 16}, "vit": {"width": 192}, "swin": {"width": 48}}
WARM_UP = 2  # rounds that count for nothing


class Made:
    """Made-up images as a source of files would give them, so that they reach the loop through the cache, as photographs do."""

    def __init__(self, split, count, size):
        self.blocks = Blocks(split, count, size)
        self.name, self.split, self.annotation = "camvid", split, "fine"
        self.names, self.labels = self.blocks.names, self.blocks.labels

    def image(self, i):
        return self.blocks[i].image

    def truth(self, i):
        return self.blocks[i].target, None

    def fingerprint(self):
        return "made up"


def load(folder, name, split, size=None, **_):
    """In the place of data.load."""
    with contextlib.redirect_stderr(io.StringIO()):
        return cache.Resized(Made(split, {"train": 64}.get(split, 2), size), size, folder=folder)


def bare_step(run: state.Run, network, images, targets) -> None:
    loss = run.loss(network(images), targets)
    loss.backward()
    nn.utils.clip_grad_norm_(run.model.parameters(), run.config.clip)
    run.optimiser.step()
    run.optimiser.zero_grad(set_to_none=True)


def loop_step(run: state.Run, network, stream, bar) -> float:
    """A step as in loop.fit. Returns the seconds by the clock until its batch was there."""
    clock = time.perf_counter()
    step, parts = next(stream)
    waited = time.perf_counter() - clock
    loop.prepare(run, network, step)
    run.count(*loop.take_step(run, network, step, parts), seconds=0)
    with contextlib.redirect_stderr(io.StringIO()):
        bar.update(run.step, 0, run.sums[0])
    return waited


def timed(work) -> tuple[float, float, object]:
    """(seconds of CPU time, seconds by the clock, what it returned)."""
    cpu, clock = time.process_time(), time.perf_counter()
    result = work()
    return time.process_time() - cpu, time.perf_counter() - clock, result


def measure(model: str, steps: int, folder: Path) -> tuple[list, list]:
    """(CPU seconds, clock seconds, None) of each bare step and (CPU seconds, clock seconds, seconds waited) of each of the loop."""
    settings = training.TrainConfig(dataset="camvid", model=model, device="cpu", images=8 * (steps + WARM_UP), **MODELS[model])
    run = state.Run(training.resolve(settings), folder)
    network, bar = run.network(), Progress("benchmark", run.plan.steps, 8, 1)
    images, targets = run.train_set.get(range(8))
    images, stream = run.inputs(images), batches.stream(run.config, run.train_set, run.plan, 0)
    work = [functools.partial(bare_step, run, network, images, targets), functools.partial(loop_step, run, network, stream, bar)]
    times = [], []
    for i in range(run.plan.steps):
        for which in (0, 1) if i % 2 else (1, 0):
            times[which].append(timed(work[which]))
    return times[0][WARM_UP:], times[1][WARM_UP:]


def report(name: str, kind: str, bare: list, whole: list) -> None:
    columns = []
    for clock in (0, 1):
        ratios = [b[clock] / a[clock] - 1 for a, b in zip(bare, whole)]
        low, middle, high = quantiles(ratios)
        one, other = (1e3 * median(step[clock] for step in steps) for steps in (bare, whole))
        columns.append(f"{one:6.0f} ->{other:5.0f} ms {middle:+6.1%} ({low:+6.1%} to {high:+6.1%})")
    waiting = median(waited / clock for _, clock, waited in whole)
    print(f"{name:14}{kind:10}{columns[0]:>42}{columns[1]:>42}{waiting:10.2%}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--threads", type=int, help="threads of torch (default: torch's own choice)")
    parser.add_argument("--models", nargs="+", choices=MODELS, default=list(MODELS))
    args = parser.parse_args()
    if args.threads:
        torch.set_num_threads(args.threads)
    loop.keep_memory()
    print(f"batches of 8 at 144x192, float32, {torch.get_num_threads()} threads, {args.steps} rounds: bare -> loop, overhead (quartiles)")
    print(f"{'model':14}{'images':10}{'CPU time':>42}{'clock':>42}{'waiting':>10}")
    with tempfile.TemporaryDirectory() as folder:
        data.load = functools.partial(load, Path(folder))
        for model in args.models:
            report(model, "resident", *measure(model, args.steps, Path(folder)))
        if "fcn_baseline" in args.models:
            batches._room = lambda device: 0
            report("fcn_baseline", "streamed", *measure("fcn_baseline", args.steps, Path(folder)))


if __name__ == "__main__":
    main()
