"""Boxes from the data to the choice: the recipe trains, every strategy for boxes asks, and the small detector learns scenes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from querist.acquire.served import methods
from querist.assemble.parts import learner, runtime
from querist.core import catalogue
from querist.core.contracts import no_report
from querist.core.records import RoundJob, RoundResult
from querist.core.rng import Streams
from querist.data.arrays import ArrayPool
from querist.data.datasets.scenes import boxes
from querist.data.scenes import PRESETS, scene
from querist.learn.inputs import ArrayInputs
from querist.tasks import new_space
from querist.tasks.heads import head

pytestmark = pytest.mark.fashion_mnist
NAMES = PRESETS["neutral"].names
SPACE = new_space("detection", NAMES)
ESPECIALLY = ("box_entropy", "box_margin", "roy", "aghdam", "cald", "ppal", "mi_aod", "llal")
GENERIC = ("random", "margin", "entropy", "badge", "coreset", "bald", "query_by_committee")


def pool(n: int, part: str = "pool") -> tuple[ArrayPool, dict[str, Any]]:
    drawn = [scene("neutral", part, number) for number in range(n)]
    ids = [f"{number:04d}" for number in range(n)]
    return ArrayPool(np.stack([one.image for one in drawn]), ids), {item: boxes(one, NAMES) for item, one in zip(ids, drawn, strict=True)}


@pytest.fixture(scope="module")
def few() -> Iterator[tuple[ArrayPool, dict[str, Any]]]:
    yield pool(40)


def a_round(few: tuple[ArrayPool, dict[str, Any]], method: Any, folder: Path, **options: Any) -> RoundResult:
    items, truth = few
    ids = list(items.ids())
    folder.mkdir(exist_ok=True)
    recipe = {"recipe": catalogue.recipe_name(method) or "small-detector", "steps": 6, **options}
    made = runtime({"task": "detection", "method": method, "learner": recipe, "score_pool": 0}, items)
    job = RoundJob(
        round=1, seed=0, labelled={item: truth[item] for item in ids[:10]}, test={item: truth[item] for item in ids[32:]}, candidates=ids[10:32],
        pending=(), batch=5, reserve=0, schema=SPACE.schema(), previous=None, workdir=str(folder),
    )  # fmt: skip
    return made.train_score_select(job, no_report)


@pytest.mark.parametrize("method", [*GENERIC, *ESPECIALLY])
def test_a_recipe_trains_and_every_generic_strategy_asks(few: tuple[ArrayPool, dict[str, Any]], method: str, tmp_path: Path) -> None:
    told = a_round(few, method, tmp_path)
    assert len(set(told.ranking.ids)) == 5 and set(told.ranking.ids) <= set(list(few[0].ids())[10:32])
    assert set(told.metrics) == {"ap50", "ap75", "ap", "boxes"} and 0 <= told.metrics["ap50"] <= 1


def test_the_catalogue_says_who_serves_boxes() -> None:
    serving = {str(row["name"]) for row in methods("strategy") if "detection" in row["kinds"]}
    assert {*GENERIC, *ESPECIALLY, "box_entropy_mean", "box_entropy_max"} <= serving
    assert not serving & {"egl_word", "adversarial", "epig"}, "what needs a class of the item itself"


def test_folding_in_another_way_is_the_row_of_that_name(few: tuple[ArrayPool, dict[str, Any]], tmp_path: Path) -> None:
    wrapped = {"use": "aggregated", "inner": "entropy", "by": "max"}
    ours, theirs = a_round(few, "box_entropy_max", tmp_path / "a"), a_round(few, wrapped, tmp_path / "b")
    assert ours.ranking.ids == theirs.ranking.ids


def test_a_detector_of_your_own_under_any_strategy(few: tuple[ArrayPool, dict[str, Any]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(Path(__file__).parents[2] / "examples"))
    yours = {"use": "querist.nets.torchvision_detector:TorchvisionDetector", "make_model": "your_detector:make"}
    for number, method in enumerate(("box_entropy", "bald", "ppal", "cald")):
        told = a_round(few, method, tmp_path / str(number), network=yours)
        assert len(set(told.ranking.ids)) == 5 and told.info["learner"]["network"]["make_model"] == "your_detector:make"


@pytest.mark.slow
def test_the_small_detector_learns_scenes() -> None:
    """AP50 of about 0.5 on 300 development scenes after 200 labelled ones, 15 s on one core; a third of that from 50."""
    (items, truth), (test_items, test_truth) = pool(200), pool(100, "dev")
    made = learner({"recipe": "small-detector"}, "random")
    inputs, task = ArrayInputs(items), head(SPACE.schema())
    torch.set_num_threads(1)
    fitted = made.fit(inputs, task, truth, Streams(0, 1), None, no_report)
    with fitted.reading(task, inputs.beside(test_items)) as reading:
        told = task.metrics((said.sites for said in reading(list(test_items.ids()), lambda done: None)), task.targets(test_truth))
    assert told["ap50"] > 0.4
