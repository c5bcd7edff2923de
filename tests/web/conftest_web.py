"""A real project over arrays and one over a folder of pictures, and a client that talks to the application in process."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from starlette.testclient import TestClient

from querist.core.order import canonical
from querist.core.records import RoundJob, RoundResult, Selection
from querist.data.pools import ArrayPool, FolderPool
from querist.project.project import Project
from querist.web.app import create_app
from querist.web.png import png

TOKEN = "a-token-for-tests-only"
HOME = "http://127.0.0.1:8765"


class Backwards:
    """A runtime that ranks the candidates from the last to the first: light, and easy to tell from round 0."""

    def train_score_select(self, job: RoundJob, report: object) -> RoundResult:
        ids = tuple(reversed(canonical(job.candidates)))[: job.batch + job.reserve]
        guesses = ", ".join(f'"{item}": ["\\"c1\\"", 0.75]' for item in ids)
        (Path(job.workdir) / "guesses.json").write_text(f"{{{guesses}}}", encoding="utf-8")
        ranking = Selection(ids, tuple(float(len(ids) - place) for place in range(len(ids))), ("from the end",) * len(ids))
        return RoundResult(ranking, {"accuracy": 0.5}, {"train": 0.1}, len(job.candidates))


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    pixels = np.arange(30 * 8 * 8, dtype=np.float64).reshape(30, 8, 8)
    with Project.create(
        tmp_path / "digits.querist",
        pool=ArrayPool(pixels),
        classes=["cat", "dog", "owl"],
        batch=4,
        runtime=lambda _spec, _pool: Backwards(),
        test={"29": "owl"},
    ) as made:
        yield made


@pytest.fixture
def pictures(tmp_path: Path) -> Iterator[Project]:
    folder = tmp_path / "pictures"
    (folder / "sub folder").mkdir(parents=True)
    for place in range(6):
        (folder / "sub folder" / f"ä {place}.png").write_bytes(png(np.full((5, 7, 3), 40 * place, dtype=np.uint8)))
    (tmp_path / "secret.png").write_bytes(b"not yours")
    with Project.create(tmp_path / "pictures.querist", pool=FolderPool(str(folder)), classes=["a", "b"], batch=2) as made:
        yield made


def client(project: Project, **headers: str) -> TestClient:
    """Knows the token as a program does, unless the headers say otherwise."""
    app = create_app(project, TOKEN)
    return TestClient(app, base_url=HOME, headers=headers or {"Authorization": f"Bearer {TOKEN}"}, raise_server_exceptions=False)
