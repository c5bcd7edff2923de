"""A transformer of the user's as a tagger: a random small one, its tokenizer trained here."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from querist.core.tokens import ABSENT
from querist.nets.pieces import FirstPieces, Pieces, PieceTagger
from querist.tasks.tagging.crf import present

transformers = pytest.importorskip("transformers")
tokenizers = pytest.importorskip("tokenizers")

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


def test_pieces_know_their_tokens(tokenizer: Any) -> None:
    row = Pieces(tokenizer, pieces=9).row(TEXTS[0])
    assert row[:, 0].tolist() == [3, 5, 6, 5, 7, 5, 4, 0, 0], "[CLS] low ##er low ##est low [SEP], from 1"
    assert row[:, 1].tolist() == [0, 1, 0, 2, 0, 3, 0, 0, 0], "numbers at the first pieces"
    assert (Pieces(tokenizer, pieces=4).row(TEXTS[0])[:, 1] == [0, 1, 0, 0]).all(), "what is cut off is not read"
    assert not Pieces(tokenizer).row("").any()


def test_every_token_has_the_vector_of_its_first_piece(tokenizer: Any, model: Any) -> None:
    x = torch.from_numpy(Pieces(tokenizer, pieces=9).open([])(TEXTS))
    trunk = FirstPieces(model, 4).eval()
    hidden = trunk(x)
    assert hidden.shape == (3, 4, 13) and hidden[..., -1].tolist() == [[1, 1, 1, 0], [1, 1, 0, 0], [0, 0, 0, 0]]
    with torch.no_grad():
        said = model(input_ids=torch.tensor([[2, 4, 5, 4, 6, 4, 3]])).last_hidden_state[0]
    torch.testing.assert_close(hidden[0, :3, :-1], said[[1, 3, 5]])
    assert bool((hidden[2] == 0).all())


def test_it_is_a_tagger_that_learns(tokenizer: Any, model: Any) -> None:
    x = torch.from_numpy(Pieces(tokenizer, pieces=9).open([])(TEXTS[:2]))
    factory = PieceTagger(model, length=4)
    network = factory.make(x.shape[1:], 3, torch.Generator().manual_seed(0))
    trunk, head = network.trunk, network.head
    output = head(trunk(x))
    assert output.shape == (2, 4, 3) and present(output).sum().item() == 5 and float(output[1, 3, 0].detach()) == ABSENT
    before = [weight.clone() for weight in model.parameters()]
    optimiser = torch.optim.Adam([*trunk.parameters(), *head.parameters()], lr=0.01)
    wanted = torch.tensor([[0, 1, 2, -100], [2, 0, -100, -100]])
    losses = []
    for _ in range(15):
        loss = torch.nn.functional.cross_entropy(head(trunk(x)).flatten(0, 1), wanted.flatten())
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < 0.5 * losses[0]
    assert all(torch.equal(one, other) for one, other in zip(before, model.parameters(), strict=True)), "the user's model is copied, not trained"
    assert (
        factory.make(x.shape[1:], 3, torch.Generator())[1].chain is None
        and PieceTagger(model, chain=True).make((9, 2), 3, torch.Generator())[1].chain is not None
    )
