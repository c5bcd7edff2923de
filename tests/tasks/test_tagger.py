"""The encoder of tokens and the network that tags them."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from querist.core.errors import UsageError
from querist.core.rng import stream
from querist.core.tokens import ABSENT, text_of, tokens_of
from querist.learn.augment import Augment
from querist.learn.views import Strong, Weak, alike
from querist.nets.tagger import Tagger, described
from querist.nets.tokens import PADDING, TokenGrams, shape_of, token_indices
from querist.tasks.tagging.crf import present, unpacked

TEXTS = ["Ann lives in Rome since 1999", "no", "postcode 4129 ; byford", ""]


def rows(**options: int) -> torch.Tensor:
    return torch.from_numpy(TokenGrams(rows=500, length=8, **options).open([])(TEXTS))


def generator() -> torch.Generator:
    return torch.Generator().manual_seed(0)


def test_texts_become_rows_of_indices() -> None:
    encoder = TokenGrams(rows=500, length=4, grams=5)
    row = encoder.row("Ann lives in Rome since 1999")
    assert row.shape == encoder.shape == (4, 7) and row.dtype == np.float32
    assert (encoder.row("in")[1:] == PADDING).all() and encoder.row("in")[0, 0] == row[2, 0], "the same word has the same index anywhere"
    assert encoder.row("ANN")[0, 0] == row[0, 0] and encoder.row("ANN")[0, 1] != row[0, 1], "capitals are in the shape"
    assert row.min() >= 0 and row.max() < 500
    whole = token_indices("canberra", 16_384, 10, 3)
    typo = token_indices("canbera", 16_384, 10, 3)
    assert len(set(whole[2:]) & set(typo[2:])) >= 4, "a typing error leaves most n-grams"
    assert len(token_indices("a" * 50, 500, 5, 3)) == 7
    assert PADDING not in token_indices("x", 2, 5, 3)


def test_shapes_tell_numbers_apart() -> None:
    assert [shape_of(token) for token in ("Ann", "McCoy", "4129", "19280722", "d1", "12345678901", ";", "\u00c4rger")] == [
        "Aa", "AaAa", "0000", "00000000", "a0", "000000000+", ";", "Aa",
    ]  # fmt: skip


def test_tokens_of_texts() -> None:
    assert tokens_of(text_of(["a b", "", "c"])) == ["a_b", "_", "c"]


@pytest.mark.parametrize("body", ["lstm", "cnn"])
@pytest.mark.parametrize("chain", [False, True])
def test_one_tensor_of_scores(body: str, chain: bool) -> None:
    x = rows()
    network = Tagger(rows=500, width=8, hidden=6, body=body, chain=chain).make(x.shape[1:], 4, generator())
    trunk, head = network.trunk, network.head
    head.eval()
    hidden = trunk(x)
    output = head(hidden)
    assert hidden.shape == (4, 8, 13) and output.shape == (4, 15 if chain else 8, 4)
    scores = unpacked(output).tokens if chain else output
    assert present(scores).sum(dim=1).tolist() == [6, 1, 4, 0]
    assert bool((scores[1, 1:] == ABSENT).all())
    assert described(hidden).shape == (4, 12) and bool((described(hidden)[3] == 0).all())
    torch.testing.assert_close(head(trunk(x[1:2]))[:, :8], output[1:2, :8], msg="a text does not depend on the others")
    again = Tagger(rows=500, width=8, hidden=6, body=body, chain=chain).make(x.shape[1:], 4, generator()).trunk
    torch.testing.assert_close(again(x), hidden, msg="a network is a function of its stream")


@pytest.mark.parametrize("body", ["lstm", "cnn"])
def test_length_and_shape_of_the_input_change_nothing(body: str) -> None:
    x = rows()
    trunk = Tagger(rows=500, width=8, hidden=6, body=body).make(x.shape[1:], 4, generator()).trunk
    padded = torch.cat([x, torch.zeros(4, 5, x.shape[2])], dim=1)
    torch.testing.assert_close(trunk(padded)[:, :8], trunk(x))
    torch.testing.assert_close(trunk(x[:, None]), trunk(x), msg="a plane more, as pools of pictures have it")


@pytest.mark.parametrize("body", ["lstm", "cnn"])
def test_a_token_sees_both_sides(body: str) -> None:
    x = rows()
    trunk = Tagger(rows=500, width=8, hidden=6, body=body).make(x.shape[1:], 4, generator()).trunk
    before = trunk(x)[0, 2]
    for place in (1, 3):
        other = x.clone()
        other[0, place] = x[2, 0]
        assert not torch.allclose(trunk(other)[0, 2], before)


def test_views_of_tokens_forget_and_keep_the_padding() -> None:
    x = rows()
    network = Tagger(rows=500, width=8, hidden=6).make(x.shape[1:], 4, generator())
    for shaped in (x, x[:, None]):
        strong = Strong().around(network, Augment())(shaped, generator())
        assert strong.shape == shaped.shape and torch.equal(strong == PADDING, shaped == PADDING)
        changed = (strong != shaped)[shaped != PADDING].float().mean()
        assert 0.2 < float(changed) < 0.4 and strong.min() >= 0 and strong.max() < 500
    weak = Weak().around(network, Augment())(x, generator())
    assert 0 < int((weak != x).sum()) < int((strong[:, 0] != x).sum())
    twice = alike(Strong().around(network, Augment()), x[:1, None].expand(3, -1, -1, -1), generator())
    assert torch.equal(twice[0], twice[1]) and torch.equal(twice[0], twice[2])


def test_what_a_tagger_refuses() -> None:
    with pytest.raises(UsageError, match="body"):
        Tagger(body="gru").make((8, 12), 3, generator())
    with pytest.raises(UsageError, match="input"):
        Tagger().make((8,), 3, generator())


def test_it_learns_what_follows_what() -> None:
    """Tags that depend on the word before: 'a' is 1 behind 'b', else 0."""
    rng = stream(0, 0, "oracle")
    texts = [" ".join(rng.choice(["a", "b"], int(rng.integers(2, 8)))) for _ in range(80)]
    encoder = TokenGrams(rows=200, length=8, grams=3)
    x = torch.from_numpy(encoder.open([])(texts))
    wanted = torch.full((80, 8), -100)
    for row, text in enumerate(texts):
        words = text.split()
        wanted[row, : len(words)] = torch.tensor([int(word == "a" and place > 0 and words[place - 1] == "b") for place, word in enumerate(words)])
    network = Tagger(rows=200, width=8, hidden=8).make(encoder.shape, 2, generator())
    trunk, head = network.trunk, network.head
    optimiser = torch.optim.Adam([*trunk.parameters(), *head.parameters()], lr=0.02)
    for _ in range(40):
        loss = torch.nn.functional.cross_entropy(head(trunk(x[:60])).flatten(0, 1), wanted[:60].flatten())
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    head.eval()
    said, there = head(trunk(x[60:])).argmax(dim=-1), wanted[60:] >= 0
    assert float((said == wanted[60:])[there].float().mean()) > 0.95
