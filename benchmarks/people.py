"""What people wait for: a folder of pictures and a table of texts, from `init` to the first model.

    python benchmarks/people.py [--quick] [--out DIR] [--encoder NAME]

The worker runs from the start, as it does beside the labelling page. The ten labels are told at once after the first `ask`, the hardest
case: people who need a minute for them give the worker that minute. Memory is the largest sum of the resident sets of the worker and
its children, looked at twenty times a second.
"""

from __future__ import annotations

import json
import subprocess
import tempfile
import threading
import time
from pathlib import Path

import numpy as np
import psutil
from common import CLI, Row, finish, options, process

from querist import Project

LABELS = 10
PATIENCE = 300.0
WORDS = 5000


class Memory(threading.Thread):
    """Watches a process and its children; `peak` is in MB."""

    def __init__(self, pid: int) -> None:
        super().__init__(daemon=True)
        self.watched, self.peak, self.stopped = psutil.Process(pid), 0.0, threading.Event()

    def run(self) -> None:
        while not self.stopped.wait(0.05):
            total = 0
            try:
                for one in (self.watched, *self.watched.children(recursive=True)):
                    total += one.memory_info().rss
            except psutil.NoSuchProcess:  # it or a child has just ended; the next look sees who is left
                continue
            self.peak = max(self.peak, total / 2**20)


def pictures(folder: Path, items: int) -> str:
    """JPEGs of 32 × 32 pixels in a hundred subfolders: a bright spot above the middle is `day`, below it `night`."""
    from PIL import Image

    rng = np.random.default_rng(0)
    grid = np.arange(32)
    for number in range(items):
        name = ("day", "night")[number % 2]
        row, column = rng.integers(4, 12) + 16 * (number % 2), rng.integers(4, 28)
        spot = 120 * np.exp(-((grid[:, None] - row) ** 2 + (grid[None] - column) ** 2) / 20)
        pixels = np.clip(spot[..., None] + rng.normal(90, 20, size=(32, 32, 3)), 0, 255).astype(np.uint8)
        place = folder / "photos" / f"{number % 100:02d}"
        place.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(place / f"{name}-{number:06d}.jpg", quality=85)
    return "photos"


def texts(folder: Path, items: int) -> str:
    """Twenty words each, most of them common to both kinds."""
    rng = np.random.default_rng(0)
    words = np.array(["".join(rng.choice(list("abcdefghiklmnoprstuvw"), size=rng.integers(3, 9))) for _ in range(WORDS)])
    lines = ["id,text"]
    for number in range(items):
        common = words[(rng.pareto(1.0, size=16) * 20).astype(int) % (WORDS - 400)]
        own = words[WORDS - 400 + 200 * (number % 2) + rng.integers(0, 200, size=4)]
        lines.append(f"{('day', 'night')[number % 2]}-{number:06d},{' '.join(rng.permutation([*common, *own]))}")
    (folder / "texts.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return "texts.csv"


def first_model(folder: Path, name: str) -> tuple[float, float, float, str]:
    """Seconds of the first `ask`, seconds from the tenth label to the first model, MB at the worker's worst moment, and a remark."""
    worker = subprocess.Popen([*CLI, "work", name], cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    memory = Memory(worker.pid)
    memory.start()
    try:
        asked = process([*CLI, "ask", name, "-k", str(LABELS), "--json"], folder)
        with Project.open(folder / name) as project:
            for item in json.loads(asked.out)["items"]:
                project.tell(item["id"], "day" if "day-" in item["id"] else "night")
            told = time.perf_counter()
            while len(project.rounds()) < 2:
                if worker.poll() is not None or time.perf_counter() - told > PATIENCE:
                    raise SystemExit(f"{name}: no model after {time.perf_counter() - told:.0f} s, the worker's status is {worker.poll()}")
                time.sleep(0.05)
            waited = time.perf_counter() - told
            spent = sum(psutil.Process(worker.pid).cpu_times()[:2])
            remark = f"{project.rounds()[-1].of:,} items ranked; the worker had spent {spent:.1f} CPU s since its start"
        time.sleep(3)  # the worker goes on computing features
    finally:
        worker.terminate()
        worker.wait()
        memory.stopped.set()
        memory.join()
    return asked.wall, waited, memory.peak, remark


def measured(folder: Path, what: str, data: str, encoder: str | None) -> list[Row]:
    name = f"{what}.querist"
    command = [*CLI, "init", name, "--data", data, "--labels", "day,night", "--batch", str(LABELS), "--json"]
    made = process([*command, *(["--encoder", encoder] if encoder else [])], folder)
    found = json.loads(made.out)
    asked, waited, megabytes, remark = first_model(folder, name)
    learner = found["encoder"] or found["learner"]
    return [
        Row(f"{what}: init", made.wall, "s", 30, note=f"{made.cpu:.1f} CPU s, {made.megabytes:.0f} MB"),
        Row(f"{what}: first ask", asked, "s", 1, note="whole process, while the worker starts"),
        Row(f"{what}: first model after the tenth label", waited, "s", 30, note=f"learner {learner}; {remark}"),
        Row(f"{what}: memory of the worker", megabytes, "MB", 1024, note="with PyTorch; sum of resident sets"),
    ]


def main() -> None:
    parser = options(__doc__)
    parser.add_argument("--encoder", help="encoder of the pictures; by default what `querist init` takes")
    given = parser.parse_args()
    images, lines = (1_000, 1_000) if given.quick else (100_000, 50_000)
    with tempfile.TemporaryDirectory(prefix="querist-people-") as place:
        folder = Path(place)
        rows = measured(folder, "pictures", pictures(folder, images), given.encoder)
        rows += measured(folder, "texts", texts(folder, lines), "tfidf")
    finish("people", rows, given, {"pictures": images, "texts": lines, "labels": LABELS})


if __name__ == "__main__":
    main()
