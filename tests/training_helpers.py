"""Small made-up data and a child process that trains on it, for the tests of training, faults and several processes.

python tests/training_helpers.py FOLDER '{"model": "unet", ...}' trains one run and prints the digest of its weights.
"""

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import torch

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from seglib import checkpoints, data, training  # noqa: E402
from seglib.data import Sample  # noqa: E402
from seglib.labels import CAMVID, IGNORE  # noqa: E402

SMALL = {"dataset": "camvid", "model": "unet", "width": 4, "size": (32, 48), "batch_size": 4, "epochs": 2, "lr": 3e-3, "device": "cpu"}


class Blocks:
    """`count` images of coloured blocks, a class each, with a void column; the truth is twice as large as the image."""

    labels, annotation = CAMVID, "fine"

    def __init__(self, split, count, size):
        self.name, self.split, self.size = "camvid", split, size
        self.names = [f"{split}/{i:03d}" for i in range(count)]

    def __len__(self):
        return len(self.names)

    def __getitem__(self, i):
        target = self.truth(i)[0][::2, ::2]
        colors = np.vstack([CAMVID.colors, np.zeros((256 - 11, 3), np.uint8)])
        noise = np.random.default_rng(i).integers(-20, 20, (*target.shape, 3))
        image = np.clip(colors[target.numpy()].astype(int) + noise, 0, 255).astype(np.uint8)
        return Sample(self.names[i], torch.from_numpy(image).permute(2, 0, 1).contiguous(), target.contiguous(), None)

    def truth(self, i):
        rng = np.random.default_rng([len(self.split), i])
        height, width = (2 * side for side in self.size)
        blocks = rng.integers(0, 11, (4, 4), dtype=np.uint8)
        target = np.kron(blocks, np.ones((height // 4 + 1, width // 4 + 1), np.uint8))[:height, :width]
        target[:, :6] = IGNORE
        return torch.from_numpy(target.copy()), None


COUNTS = {"train": 18, "val": 5, "test": 3}


def load(name, split, *, root=None, annotation="fine", size=None, limit=None):
    """In the place of data.load."""
    return Blocks(split, min(COUNTS[split], limit or 1000), size)


def config(**settings) -> training.TrainConfig:
    return training.TrainConfig(**(SMALL | settings))


def digest(state: dict) -> str:
    """sha256 over the names and bytes of the tensors of a state dict."""
    found = hashlib.sha256()
    for name, tensor in sorted(state.items()):
        found.update(name.encode() + tensor.detach().cpu().contiguous().numpy().tobytes())
    return found.hexdigest()


def weights_digest(folder, name: str) -> str:
    return digest(checkpoints.read(Path(folder) / name / "weights.pt")["model"])


def child(folder, *, program=(sys.executable,), **settings) -> subprocess.Popen:
    """Start a process that trains one run on the blocks."""
    arguments = [*program, str(Path(__file__).resolve()), str(folder), json.dumps(SMALL | settings)]
    environment = os.environ | {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}
    return subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment)


class Nursery:
    """Processes that train, forked from one that has imported everything: a start takes milliseconds instead of seconds."""

    def __init__(self):
        arguments = [sys.executable, str(Path(__file__).resolve()), "--serve"]
        environment = os.environ | {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}
        self.process = subprocess.Popen(arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment)

    def start(self, folder, **settings) -> int:
        """Begin to train; returns the process id."""
        print(json.dumps([str(folder), SMALL | settings]), file=self.process.stdin, flush=True)
        return int(self.process.stdout.readline())

    def wait(self) -> int:
        """The exit code of the process started last, negative for a signal."""
        return int(self.process.stdout.readline())

    def close(self) -> None:
        self.process.stdin.close()
        self.process.wait()


def serve() -> None:
    """The other end of Nursery: one line in, one fork, its id and its exit code out."""
    for line in sys.stdin:
        folder, settings = json.loads(line)
        child_id = os.fork()
        if child_id == 0:
            os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
            code = 1
            try:
                training.train(training.TrainConfig(**settings), folder=folder, progress=False)
                code = 0
            finally:
                os._exit(code)
        print(child_id, flush=True)
        print(os.waitstatus_to_exitcode(os.waitpid(child_id, 0)[1]), flush=True)


def main() -> None:
    data.load = load
    torch.set_num_threads(1)
    if sys.argv[1] == "--serve":
        serve()
        return
    settings = training.TrainConfig(**json.loads(sys.argv[2]))
    record = training.train(settings, folder=sys.argv[1])
    print(weights_digest(sys.argv[1], record.name))


if __name__ == "__main__":
    main()
