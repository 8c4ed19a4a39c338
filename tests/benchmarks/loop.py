"""Run by hand: python tests/benchmarks/loop.py [--steps 12]. What the loop costs over forward + backward + step, and waiting for data.

Bare steps (a batch already normalised, no clipping, no checks) and steps of the loop alternate in one process. Their cost is CPU
time of the process, which other processes on the machine do not change much; waiting is a share of the clock's time. Figures are the
first quartile. Images are made up and resident, as any set is that fits in memory; `streamed` reads them through threads.
"""

import argparse
import contextlib
import io
import sys
import tempfile
import time
from pathlib import Path
from statistics import quantiles

import torch

sys.path[:0] = [str(Path(__file__).resolve().parents[2]), str(Path(__file__).resolve().parents[1])]

from training_helpers import Blocks  # noqa: E402

from seglib import data, training  # noqa: E402
from seglib.training import batches, loop, state  # noqa: E402
from seglib.training.progress import Progress  # noqa: E402

MODELS = {"unet": {"width": 16}, "fcn_baseline": {"width": 16}, "vit": {"width": 192}, "swin": {"width": 48}}


def bare_step(run: state.Run, network, images, targets) -> None:
    loss = run.loss(network(images), targets)
    loss.backward()
    run.optimiser.step()
    run.optimiser.zero_grad(set_to_none=True)


def measure(model: str, steps: int, folder: Path) -> tuple[float, float, float]:
    """CPU seconds of a bare step and of a step of the loop; the share of its clock time that it waits for data."""
    settings = training.TrainConfig(dataset="camvid", model=model, device="cpu", images=8 * (steps + 2), **MODELS[model])
    run = state.Run(training.resolve(settings), folder)
    network, bar = run.network(), Progress("benchmark", run.plan.steps, 8, 1)
    images, targets = run.train_set.get(range(8))
    images, stream = run.inputs(images), batches.stream(run.config, run.train_set, run.plan, 0)
    bare, whole, waiting = [], [], []
    for _ in range(run.plan.steps):
        begun = time.process_time()
        bare_step(run, network, images, targets)
        after_bare, clock = time.process_time(), time.perf_counter()
        step, parts = next(stream)
        arrived = time.perf_counter()
        loop.prepare(run, network, step)
        run.count(*loop.take_step(run, network, step, parts), seconds=0)
        with contextlib.redirect_stderr(io.StringIO()):
            bar.update(run.step, 0, run.sums[0])
        ended, ended_clock = time.process_time(), time.perf_counter()
        bare.append(after_bare - begun)
        whole.append(ended - after_bare)
        waiting.append((arrived - clock) / (ended_clock - clock))
    return tuple(quantiles(times[2:])[0] for times in (bare, whole, waiting))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--steps", type=int, default=12)
    steps = parser.parse_args().steps
    data.load = lambda name, split, size=None, limit=None, **_: Blocks(split, {"train": 64}.get(split, 2), size)
    print(f"batches of 8 at 144x192, float32, {torch.get_num_threads()} threads, first quartile of {steps} steps")
    print(f"{'model':14}{'images':10}{'bare':>10}{'loop':>10}{'overhead':>10}{'waiting':>12}")
    for streamed in (False, True):
        for model in MODELS if not streamed else ("fcn_baseline",):
            if streamed:
                batches._room = lambda device: 0
            with tempfile.TemporaryDirectory() as folder:
                bare, whole, waiting = measure(model, steps, Path(folder))
            print(f"{model:14}{'streamed' if streamed else 'resident':10}{1e3 * bare:7.0f} ms{1e3 * whole:7.0f} ms{whole / bare - 1:10.1%}"
                  f"{waiting:12.2%}")  # fmt: skip


if __name__ == "__main__":
    main()
