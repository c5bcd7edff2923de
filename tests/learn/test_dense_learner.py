"""Segmentation end to end on the learner's side: a U-Net on small generated maps, read in chunks, with little memory."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pytest

from querist.acquire.compose import Compose
from querist.acquire.dense import SideDisagreement
from querist.acquire.disagreement import MeanSTD
from querist.acquire.scores import BALD, Entropy
from querist.core import catalogue
from querist.core.rng import Streams, stream
from querist.data.arrays import ArrayPool
from querist.kernels.folding import Aggregator
from querist.learn.inference.ensemble import Ensemble
from querist.learn.inference.mc_dropout import MCDropout
from querist.learn.inputs import ArrayInputs
from querist.learn.learner import Fitted, Learner
from querist.learn.schemes.bootstrap import Bootstrap
from querist.learn.schemes.confident_labels import ConfidentLabels
from querist.learn.schemes.supervised import Steps, Supervised
from querist.learn.sited_view import SitedView
from querist.learn.statistics.sited import Said
from querist.nets.unet import UNet
from querist.tasks import heads, new_space
from querist.tasks.dense.runs import to_runs

NAMES = ("ground", "square")
SPACE = new_space("dense", NAMES)
HEAD = heads.head(SPACE.schema())
N, SIDE = 40, 16


def squares(n: int = N, depth: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Noisy images (or volumes) with a brighter square, and where it is."""
    rng = stream(n, depth, "oracle")
    grid = (depth, SIDE, SIDE) if depth else (SIDE, SIDE)
    maps = np.zeros((n, *grid), dtype=np.uint8)
    for row in range(n):
        top, left = rng.integers(0, SIDE - 7, size=2)
        maps[row, ..., top : top + 6, left : left + 6] = 1
    return (maps + rng.normal(scale=0.3, size=maps.shape)).astype(np.float32), maps


def taught(network: Any, x: np.ndarray, maps: np.ndarray, labelled: int = 12, **parts: Any) -> tuple[Fitted, list[str], dict[str, Any]]:
    ids = [f"item-{row:03d}" for row in range(len(x))]
    values = {item: to_runs(one, NAMES) for item, one in zip(ids, maps, strict=True)}
    scheme = parts.pop("scheme", Supervised(Steps(0.0, 60, 60), batch=8, rate=0.01, smoothing=0.0))
    learner = Learner(network, scheme, **parts)
    made = learner.fit(
        ArrayInputs(ArrayPool(x, ids)), HEAD, {item: values[item] for item in ids[:labelled]}, Streams(0, 1), None, lambda *told: None, ids[labelled:]
    )
    return made, ids, values


def measured(made: Fitted, ids: Sequence[str], values: dict[str, Any]) -> dict[str, float]:
    with made.reading(HEAD) as reading:
        return HEAD.metrics((said.sites for said in reading(ids, lambda done: None)), HEAD.targets({item: values[item] for item in ids}))


def view_of(made: Fitted, ids: list[str], labelled: int = 12) -> SitedView:
    def read(asked: Any) -> Iterator[Said]:
        with made.reading(HEAD) as reading:
            yield from reading(list(asked), lambda done: None)

    return SitedView(ids[labelled:], ids[:labelled], (), read, heads.kind("dense").provided(Learner(UNet()).provides), Aggregator("mean"), classes=2)


def test_a_u_net_learns_scenes() -> None:
    made, ids, values = taught(UNet((8, 16)), *squares(), inference=MCDropout(3))
    found = measured(made, ids[12:], values)
    assert found["dice"] > 0.8 and found["miou"] > 0.8 and found["hausdorff"] < 6
    view = view_of(made, ids)
    for method in ("entropy", "badge", "coreset", "melanoma_ceal", "suggestive_annotation", "random"):
        assert len(set(catalogue.acquisition(method).select(view, 4, stream(0, 1, "select")).ids)) == 4
    assert (BALD()(view) > 0).all() and view.stat("features").shape == (N - 12, 16)


def test_side_outputs_learn_too() -> None:
    made, ids, values = taught(UNet((8, 12, 16, 16), sides=2), *squares())
    assert measured(made, ids[12:], values)["dice"] > 0.8
    score = SideDisagreement()(view_of(made, ids))
    assert score.shape == (N - 12,) and 0 < score.mean() < 1
    with made.reading(HEAD) as reading:
        stages = np.concatenate([said.sites.extra["sides"] for said in reading(ids[12:], lambda done: None)])
    true = HEAD.targets({item: values[item] for item in ids[12:]}).ravel()
    assert ((stages == true[:, None]).mean(axis=0) > 0.85).all(), "all three stages have learnt"


def test_a_committee_on_resamples_disagrees() -> None:
    scheme = Bootstrap(Supervised(Steps(0.0, 25, 25), batch=8, rate=0.01, smoothing=0.0))
    made, ids, _ = taught(UNet((4, 8)), *squares(), inference=Ensemble(3), scheme=scheme)
    assert (MeanSTD()(view_of(made, ids)) > 0).all()


def test_volumes_learn_like_images() -> None:
    made, ids, values = taught(UNet((6, 12)), *(part[:, None] if part.ndim == 4 and part.dtype != np.uint8 else part for part in squares(16, depth=6)))
    found = measured(made, ids[12:], values)
    assert found["dice"] > 0.6
    view = view_of(made, ids)
    assert Entropy()(view).shape == (4,) and len(Compose(score=Entropy()).select(view, 2, stream(0, 1, "select"))) == 2


def test_confident_maps_are_trained_on() -> None:
    scheme = Supervised(Steps(0.0, 20, 20), batch=8, rate=0.01, smoothing=0.0)
    made, _, _ = taught(UNet((4, 8)), *squares(), scheme=ConfidentLabels(scheme, delta=9.0))
    assert made.fits[0].notes == {}, "the first round has nobody to ask"


MEMORY = """
import json, sys
from pathlib import Path
import numpy as np, torch
from querist.core.rng import Streams, stream
from querist.learn.inference.mc_dropout import MCDropout
from querist.learn.inputs import ArrayInputs
from querist.learn.learner import Fitted
from querist.learn.sited_view import SitedView
from querist.nets.unet import UNet
from querist.kernels.folding import Aggregator
from querist.acquire.scores import BALD
from querist.tasks.dense.learning import DenseHead
torch.set_num_threads(1)
n, head = int(sys.argv[1]), DenseHead(("a", "b", "c", "d", "e"))

class Lazy:
    def ids(self): return [f"{row:05d}" for row in range(n)]
    def __len__(self): return n
    def load(self, item): return stream(0, int(item), "oracle").integers(0, 255, size=(256, 256)).astype(np.uint8)

network = UNet((4, 8), dropout=0.3).make((1, 256, 256), 5, torch.Generator().manual_seed(0)).eval()
made = Fitted([network], MCDropout(20), ArrayInputs(Lazy()), Streams(0, 1), ())
def read(asked):
    with made.reading(head) as reading:
        yield from reading(list(asked), lambda done: None)
view = SitedView(Lazy().ids(), (), (), read, frozenset({"sites", "features"}), Aggregator("mean"), classes=5)
scores = BALD()(view)
assert scores.shape == (n,) and (scores > 0).all()
peak = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM"))
print(json.dumps(int(peak.split()[1]) / 1024))
"""


linux = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")


def peak(n: int) -> float:
    """Peak memory in MiB of a process that scores so many scenes of 256 × 256 pixels by BALD over 20 samples.

    Read from /proc, for `ru_maxrss` of a child begins at what its parent held when it was started.
    """
    done = subprocess.run([sys.executable, "-c", MEMORY, str(n)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return float(json.loads(done.stdout))


@pytest.mark.slow
@linux
def test_memory_does_not_grow_with_the_pool() -> None:
    few, more = peak(40), peak(80)
    # 20 samples of five classes of a scene are 26 MB: forty more scenes would be a gigabyte if they were kept.
    assert more < few + 100 and more < 1024


@pytest.mark.slow
@linux
@pytest.mark.timeout(1800)  # some six minutes of one core
def test_two_thousand_scenes_take_less_than_a_gigabyte() -> None:
    assert peak(2000) < 1024
