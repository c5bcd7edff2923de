"""A transformer of the user's as a tagger: a random small one, its tokenizer trained here."""

from __future__ import annotations

import copy
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch

from querist.assemble.parts import runtime
from querist.core.errors import UsageError
from querist.core.tokens import ABSENT
from querist.data.arrays import ArrayPool
from querist.nets.pieces import FirstPieces, Pieces, PieceTagger
from querist.project.oracles import Simulated
from querist.project.project import Project
from querist.tasks import new_space
from querist.tasks.tagging.crf import present

transformers = pytest.importorskip("transformers")
tokenizers = pytest.importorskip("tokenizers")

ROOT = Path(__file__).parents[2]
TEXTS = ["lower lowest low", "new newer", ""]


@pytest.fixture(scope="module")
def tokenizer() -> Any:
    """Pieces of words, as BERT's."""
    vocabulary = {sign: place for place, sign in enumerate(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "low", "##er", "##est", "new"])}
    made = tokenizers.Tokenizer(tokenizers.models.WordPiece(vocabulary, unk_token="[UNK]"))
    made.pre_tokenizer = tokenizers.pre_tokenizers.Whitespace()
    made.post_processor = tokenizers.processors.TemplateProcessing("[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)])
    return transformers.PreTrainedTokenizerFast(tokenizer_object=made, pad_token="[PAD]", unk_token="[UNK]", cls_token="[CLS]", sep_token="[SEP]")


@pytest.fixture(scope="module")
def model() -> Any:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        config = transformers.BertConfig(vocab_size=8, hidden_size=12, num_hidden_layers=1, num_attention_heads=2, intermediate_size=16)
        return transformers.BertModel(config, add_pooling_layer=False).eval()


@pytest.fixture
def mine(tokenizer: Any, model: Any, monkeypatch: pytest.MonkeyPatch) -> str:
    """The import path of a function that gives both."""
    module = ModuleType("my_module")
    module.make = lambda: (copy.deepcopy(model), tokenizer)  # type: ignore[attr-defined]
    module.half = lambda: model  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "my_module", module)
    return "my_module:make"


def test_pieces_know_their_tokens(tokenizer: Any, mine: str) -> None:
    row = Pieces(mine, pieces=9).row(TEXTS[0], tokenizer)
    assert row[:, 0].tolist() == [3, 5, 6, 5, 7, 5, 4, 0, 0], "[CLS] low ##er low ##est low [SEP], from 1"
    assert row[:, 1].tolist() == [0, 1, 0, 2, 0, 3, 0, 0, 0], "numbers at the first pieces"
    assert (Pieces(mine, pieces=4).row(TEXTS[0], tokenizer)[:, 1] == [0, 1, 0, 0]).all(), "what is cut off is not read"
    assert not Pieces(mine).row("", tokenizer).any()


def test_every_token_has_the_vector_of_its_first_piece(model: Any, mine: str) -> None:
    x = torch.from_numpy(Pieces(mine, pieces=9).open([])(TEXTS))
    trunk = FirstPieces(model, 4).eval()
    hidden = trunk(x)
    assert hidden.shape == (3, 4, 13) and hidden[..., -1].tolist() == [[1, 1, 1, 0], [1, 1, 0, 0], [0, 0, 0, 0]]
    with torch.no_grad():
        said = model(input_ids=torch.tensor([[2, 4, 5, 4, 6, 4, 3]])).last_hidden_state[0]
    torch.testing.assert_close(hidden[0, :3, :-1], said[[1, 3, 5]])
    assert bool((hidden[2] == 0).all())


def test_it_is_a_tagger_that_learns(model: Any, mine: str) -> None:
    x = torch.from_numpy(Pieces(mine, pieces=9).open([])(TEXTS[:2]))
    network = PieceTagger(mine, length=4).make(x.shape[1:], 3, torch.Generator().manual_seed(0))
    output = network(x)
    assert output.shape == (2, 4, 3) and present(output).sum().item() == 5 and float(output[1, 3, 0].detach()) == ABSENT
    assert torch.equal(network.trunk.model.embeddings.word_embeddings.weight, model.embeddings.word_embeddings.weight), "weights are the user's"
    optimiser = torch.optim.Adam(network.parameters(), lr=0.01)
    wanted = torch.tensor([[0, 1, 2, -100], [2, 0, -100, -100]])
    losses = []
    for _ in range(15):
        loss = torch.nn.functional.cross_entropy(network(x).flatten(0, 1), wanted.flatten())
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < 0.5 * losses[0]
    assert PieceTagger(mine, length=4, chain=True).make((9, 2), 3, torch.Generator())(x).shape == (2, 10, 3)


@pytest.mark.parametrize("path", ["nowhere:make", "my_module:nothing", "my_module:half"])
def test_a_path_that_gives_no_model_is_refused(mine: str, path: str) -> None:
    with pytest.raises(UsageError, match="gives no model and tokenizer"):
        PieceTagger(path).make((9, 2), 3, torch.Generator())


def test_the_example_is_a_whole_learner(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(ROOT / "examples"))
    text = (ROOT / "examples" / "your_tagger.py").read_text(encoding="utf-8")
    assert len([line for line in text.splitlines() if line.startswith("    ")]) <= 15
    texts = [f"{'rose' if row % 3 else 'st'} {'king' if row % 2 else 'elm'} , 4{row}" for row in range(40)]
    labels = {str(row): ["B-SUBURB" if row % 3 else "B-STREET", "I-SUBURB" if row % 3 else "I-STREET", "O", "O"] for row in range(40)}
    make = "your_tagger:make"
    learner = {"recipe": "tagger", "steps": 25, "encoder": f"pieces:{make}", "network": {"use": "querist.nets.pieces:PieceTagger", "make_with": make}}
    test = {str(row): labels[str(row)] for row in range(30, 40)}
    sizes = {"initial": 10, "batch": 5, "budget": 20}
    space = new_space("tagging", ["STREET", "SUBURB"])
    pool = ArrayPool(np.array(texts))
    project = Project.create(tmp_path / "p.querist", pool=pool, task=space, test=test, method="mnlp", learner=learner, seed=0, runtime=runtime, **sizes)
    with project:
        measured = [found.metrics for found in project.run(Simulated(labels)) if found.metrics]
    assert measured and all(0 <= found["span_f1"] <= 1 for found in measured)
