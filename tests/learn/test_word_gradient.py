"""`word_gradient` and the network that it needs: autograd on two words, padding, repeated and absent words, order."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from querist.core.contracts import no_report
from querist.core.errors import CapabilityError, TrainingError, UsageError
from querist.core.rng import Streams, stream
from querist.data.arrays import ArrayPool
from querist.learn.device import generator
from querist.learn.inference.deterministic import Deterministic
from querist.learn.inputs import ArrayInputs
from querist.learn.learner import Fitted
from querist.learn.schemes.base import TrainingSet
from querist.learn.schemes.supervised import Steps, Supervised
from querist.learn.statistics.boundary_distance import compute as boundary_distance
from querist.learn.statistics.points import FAR
from querist.learn.statistics.question import Question, entrance, probing
from querist.learn.statistics.word_gradient import compute, expected_lengths, table
from querist.nets.base import MLP, Network
from querist.nets.encoders import Tokens
from querist.nets.text_cnn import TextCNN
from querist.tasks import new_space
from querist.tasks.classification.learning import ClassificationHead

BAG = TextCNN(words=20, width=6, channels=5, widths=(1,), dropout=0.3)


class Rows(ArrayInputs):
    """Word indices as they are."""

    def batch(self, ids: object) -> Tensor:
        return torch.from_numpy(self._pool.take(ids))  # type: ignore[attr-defined]


def fitted(rows: list[list[int]], network: Network) -> Fitted:
    return Fitted([network], Deterministic(), Rows(ArrayPool(np.array(rows, dtype=np.float32))), Streams(0, 1), ())


def asked(n: int) -> Question:
    return Question([str(row) for row in range(n)], lambda: np.empty((n, 1)), lambda: (np.empty((0, 1)), []))


def made(factory: TextCNN = BAG, length: int = 6, outputs: int = 3) -> Network:
    with torch.random.fork_rng(devices=[]):
        return factory.make((length,), outputs, generator(0)).eval()


def naive(network: Network, row: list[int]) -> dict[int, float]:
    """Word → Σ_c p_c ‖∂CE/∂E_w‖, from the gradient of the table itself."""
    x, weight = torch.tensor([row], dtype=torch.float32), table(network).table.weight
    probs = torch.softmax(network(x), dim=1)[0].detach()
    found = dict.fromkeys(set(row), 0.0)
    for label, p in enumerate(probs):
        slope = torch.autograd.grad(torch.nn.functional.cross_entropy(network(x), torch.tensor([label])), weight)[0]
        for word in found:
            found[word] += float(p * slope[word].norm())
    return found


def test_it_is_autograds_on_two_words() -> None:
    network = made()
    rows = [[2, 3, 0, 0, 0, 0], [4, 5, 6, 7, 8, 9], [2, 2, 3, 2, 3, 0]]
    wanted = [max(length for word, length in naive(network, row).items() if word) for row in rows]
    np.testing.assert_allclose(compute(fitted(rows, network), asked(3), lambda done: None), wanted, rtol=1e-5)


def test_rows_do_not_depend_on_the_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    network, rows = made(), stream(1, 0, "oracle").integers(0, 20, size=(40, 6)).tolist()
    done: list[int] = []
    whole = compute(fitted(rows, network), asked(40), done.append)
    monkeypatch.setattr("querist.learn.statistics.word_gradient.batch_size", lambda networks, shape: 1)  # the smallest batch is 16
    np.testing.assert_allclose(compute(fitted(rows, network), asked(40), done.append), whole, rtol=1e-4)
    assert done == [40, 16, 32, 40]


def test_it_is_autograds_for_wide_convolutions_too() -> None:
    network = made(TextCNN(words=20, width=6, channels=5, widths=(2, 3)))
    row = [2, 3, 2, 3, 4, 0]
    with probing(network):
        embed, run = entrance(network)
        x = torch.tensor([row], dtype=torch.float32)
        lengths = expected_lengths(run, embed(x).detach(), table(network).ids(x))[0]
    wanted = naive(network, row)
    np.testing.assert_allclose(lengths[:5].numpy(), [wanted[word] for word in row[:5]], rtol=1e-5)
    assert lengths[5] == 0 and wanted[0] == 0, "padding has no gradient"


def test_an_absent_word_has_no_gradient_and_an_empty_text_scores_zero() -> None:
    network = made()
    with torch.enable_grad():
        slope = torch.autograd.grad(network(torch.tensor([[2.0, 3.0, 0, 0, 0, 0]])).sum(), table(network).table.weight)[0]
    assert (slope[4:] == 0).all() and (slope[0] == 0).all() and (slope[2:4] != 0).any()
    assert compute(fitted([[0] * 6, [2] + [0] * 5], network), asked(2), lambda done: None)[0] == 0


def test_order_does_not_matter_to_a_bag_of_words() -> None:
    network, row = made(), [2, 5, 7, 5, 9, 3]
    first, second = compute(fitted([row, [row[place] for place in (3, 0, 5, 1, 4, 2)]], network), asked(2), lambda done: None)
    assert first == pytest.approx(second, rel=1e-5) and first > 0
    ordered = made(TextCNN(words=20, width=6, channels=5, widths=(3,)))
    first, second = compute(fitted([row, row[::-1]], ordered), asked(2), lambda done: None)
    assert first != pytest.approx(second, rel=1e-3), "else this test shows nothing"


def test_only_the_most_probable_classes_are_expected_over(monkeypatch: pytest.MonkeyPatch) -> None:
    network, rows = made(outputs=12), [[2, 3, 4, 5, 6, 7]]
    whole = compute(fitted(rows, network), asked(1), lambda done: None)
    monkeypatch.setattr("querist.learn.statistics.word_gradient.CLASSES", 12)
    all_ = compute(fitted(rows, network), asked(1), lambda done: None)
    np.testing.assert_allclose(all_, [max(naive(network, rows[0]).values())], rtol=1e-5)
    assert whole != all_ and whole == pytest.approx(all_, rel=0.2)


def test_refusals() -> None:
    network = made()
    network.trunk.requires_grad_(False)
    with pytest.raises(TrainingError, match="frozen"):
        compute(fitted([[2] * 6], network), asked(1), lambda done: None)
    with pytest.raises(TrainingError, match="no table of words"):
        compute(fitted([[2] * 6], MLP().make((6,), 3, generator(0))), asked(1), lambda done: None)
    with pytest.raises(UsageError, match="TextCNN cannot take"):
        TextCNN().make((4,), 2, generator(0))


def test_it_leaves_the_network_alone() -> None:
    network = made().train()
    before, drawn = {name: tensor.clone() for name, tensor in network.state_dict().items()}, torch.get_rng_state()
    compute(fitted([[2, 3, 4, 0, 0, 0]], network), asked(1), lambda done: None)
    assert all(torch.equal(tensor, before[name]) for name, tensor in network.state_dict().items()) and torch.equal(torch.get_rng_state(), drawn)
    assert all(module.training for module in network.modules()) and all(parameter.grad is None for parameter in network.parameters())


def test_deepfool_moves_embedded_words() -> None:
    far = boundary_distance(fitted([[2, 3, 4, 5, 0, 0], [6, 7, 8, 0, 0, 0]], made()), asked(2), lambda done: None)
    assert ((far > 0) & (far < FAR)).all()


def test_what_is_no_index_is_the_unknown_word() -> None:
    words = table(made())
    assert words.ids(torch.tensor([[0.0, 1.0, 19.0, 20.0, -3.0, 2.4]])).tolist() == [[0, 1, 19, 1, 1, 2]]


def test_weights_are_a_function_of_the_generator() -> None:
    def weights(seed: int) -> Tensor:
        torch.rand(1)
        return torch.cat([parameter.flatten() for parameter in BAG.make((6,), 3, generator(seed)).parameters()])

    drawn = weights(0)
    assert torch.equal(drawn, weights(0)) and not torch.equal(drawn, weights(1))


def test_a_text_network_learns_which_word_decides() -> None:
    rng = stream(0, 0, "oracle")
    rows = rng.integers(4, 20, size=(60, 8))
    y = rng.integers(2, size=60)
    rows[np.arange(60), rng.integers(8, size=60)] = 2 + y
    network = TextCNN(words=20, width=8, channels=8, widths=(1, 2)).make((8,), 2, generator(0))
    head = ClassificationHead.of(new_space("classification", ["a", "b"]).schema())
    data = TrainingSet(torch.from_numpy(rows[:40].astype(np.float32)), y[:40])
    Supervised(steps=Steps(0.0, 150, 150), rate=0.02, weight_decay=0.0).fit(network, head, data, Streams(0, 1), no_report)
    with torch.no_grad():
        hits = network(torch.from_numpy(rows[40:].astype(np.float32))).argmax(dim=1).numpy() == y[40:]
    assert hits.mean() > 0.9


def test_tokens_are_the_same_words_everywhere() -> None:
    encode = Tokens(words=50, length=5).open([])
    rows = encode(["The cat, the CAT", "", "a b c d e f g"])
    assert rows.shape == (3, 5) and rows.dtype == np.float32
    assert rows[0, 0] == rows[0, 3] and rows[0, 1] == rows[0, 4] and (rows[1] == 0).all() and (rows[2] >= 2).all() and rows.max() < 50


def test_only_networks_with_words_offer_it() -> None:
    from querist.assemble.parts import check, learner
    from querist.core import catalogue

    check(catalogue.acquisition("egl_word"), learner({}, "egl_word").provides, "egl_word")
    with pytest.raises(CapabilityError, match="'word_gradient'") as caught:
        check(catalogue.acquisition("egl_word"), learner({"recipe": "mlp"}, "egl_word").provides, "egl_word")
    assert "text-cnn" in str(caught.value.hint)
