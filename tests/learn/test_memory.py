"""What a method learnt in one round is there in the next, also after a crash, and never for another method."""

from __future__ import annotations

from pathlib import Path

from querist.acquire.bandit import Bandit
from querist.acquire.ranked import MARGIN
from querist.assemble import simulation
from querist.core.records import RoundJob
from querist.learn.memory import recall, retain


def test_a_project_remembers(tmp_path: Path) -> None:
    sizes = {"initial": 20, "batch": 20, "budget": 80}
    notes, picks = [], []
    for name in ("one", "two"):
        project, oracle = simulation(dataset="digits", method="bandit", seed=0, path=str(tmp_path / f"{name}.querist"), learner={"steps": 30}, **sizes)
        project.run(oracle)
        rounds = project.rounds()
        notes = [project.store.ranking(one.n).note[0] for one in rounds]
        picks.append([project.store.ranking(one.n).ids for one in rounds])
        project.close()
    assert "no rewards yet" in notes[1] and all("accuracy" in note for note in notes[2:])
    assert picks[0] == picks[1]


def test_only_the_same_method_is_told(tmp_path: Path) -> None:
    def job(previous: Path | None, workdir: Path) -> RoundJob:
        workdir.mkdir(exist_ok=True)
        return RoundJob(2, 0, {}, {}, (), (), 1, 0, {}, None if previous is None else str(previous), str(workdir))

    one, two = tmp_path / "1", tmp_path / "2"
    assert recall(job(None, one), Bandit()) is None
    retain(job(None, one), Bandit(), {"logs": [0.0]})
    assert recall(job(one, two), Bandit()) == {"logs": [0.0]}
    assert recall(job(one, two), Bandit(fade=0.5)) is None and recall(job(one, two), MARGIN) is None
    retain(job(one, two), MARGIN, None)
    assert recall(job(two, one), Bandit()) is None
