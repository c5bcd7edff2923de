"""Labels that cost nothing: strings of digits, of which the environment only says whether the model read them correctly.

After Stark, Hazırbaş, Triebel & Cremers 2015: what was read correctly is known, and of that the least certain strings are trained on.
Pictures are synthetic, made of scikit-learn's digits.
"""

from __future__ import annotations

import sys

from querist import Project
from querist.core.records import Query
from querist.data.datasets import NamedPool, named
from querist.project.oracles import SelfVerifying, Simulated
from querist.web.guesses import Guesses

START, FREE, ROUNDS, LOOKED_AT = 60, 40, int(sys.argv[1]) if len(sys.argv) > 1 else 3, 400

data = named("digit-strings")
project = Project.create(
    ":memory:", pool=NamedPool("digit-strings", part="pool"), task=data.space, test=data.test, test_pool=NamedPool("digit-strings", part="dev"),
    method="ratio", initial=START, batch=FREE, reserve=LOOKED_AT,
    learner={"recipe": "small-cnn", "network": {"use": "querist.nets.slots:SlotCNN"}, "steps": 300},
)  # fmt: skip
known, guesses = Simulated({item: data.targets[item] for item in data.candidates}), Guesses(project)


def read(query: Query) -> dict[str, object]:
    """What the model reads in the strings that are asked."""
    found = {asked.id: guesses.guess(query.round, asked.id, project.space) for asked in query.items}
    return {item: guess["value"] for item, guess in found.items() if guess is not None}


environment = SelfVerifying(known, read)
paid = project.ask(START)
project.tell_many([{"item": told.item, "value": told.value, "cost": 1.0} for told in known.answer(paid)])
for _ in range(ROUNDS):
    made = project.update()
    print(f"{made.labels_used} labels: {made.metrics['micro_f1']:.3f} of the digits, {made.metrics['exact']:.3f} of the strings")
    query = project.ask(LOOKED_AT)  # least certain first
    solved = [told for told in environment.answer(query) if told.value is not None][:FREE]
    project.tell_many([{"item": told.item, "value": told.value, "cost": told.cost, "query": query.id} for told in solved], provenance="free")
    project.release(query)
    print(f"    {len(solved)} strings of {len(query.items)} looked at for nothing")
