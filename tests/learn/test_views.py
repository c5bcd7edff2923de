"""Weak and strong views: of images, of vectors, of word indices, and the same for every item."""

from __future__ import annotations

import pytest
import torch

from querist.learn.augment import Augment
from querist.learn.device import generator
from querist.learn.views import Forget, Noise, Strong, Weak, alike
from querist.nets.base import MLP
from querist.nets.text_cnn import PADDING, UNKNOWN, TextCNN

MLP_ = MLP(hidden=(4,)).make((4,), 3, generator(0))
IMAGES = torch.rand(6, 1, 8, 8, generator=generator(1))
VECTORS = torch.randn(500, 4, generator=generator(1))


@pytest.mark.parametrize("kind", [Weak(), Strong()])
def test_a_view_keeps_shape_and_changes_the_batch(kind: Weak | Strong) -> None:
    view = kind.around(MLP_, Augment(shift=1))
    for x in (IMAGES, VECTORS, IMAGES.repeat(1, 3, 1, 1)):
        kept = x.clone()
        out = view(x, generator(0))
        assert out.shape == x.shape and out.isfinite().all() and not torch.equal(out, x)
        assert torch.equal(x, kept), "the batch itself stays"
        assert torch.equal(out, view(x, generator(0))) and not torch.equal(out, view(x, generator(2)))


def test_the_weak_view_of_images_is_what_the_recipe_trains_with() -> None:
    augment = Augment(flip=True, shift=1)
    assert torch.equal(Weak().around(MLP_, augment)(IMAGES, generator(0)), augment(IMAGES, generator(0)))
    assert torch.equal(Weak().around(MLP_, Augment())(IMAGES, generator(0)), IMAGES)


def test_strong_is_stronger() -> None:
    for x in (IMAGES, VECTORS):
        weak, strong = (kind.around(MLP_, Augment())(x, generator(0)) for kind in (Weak(), Strong()))
        assert float((strong - x).square().mean()) > float((weak - x).square().mean())


def test_noise_and_lost_columns() -> None:
    out = Noise(0.3)(VECTORS, generator(0)) - VECTORS
    assert float(out.std()) == pytest.approx(0.3, rel=0.1)
    assert float((Noise(0.0, 0.2)(VECTORS, generator(0)) == 0).float().mean()) == pytest.approx(0.2, abs=0.04)


def test_words_become_unknown_and_padding_stays() -> None:
    x = torch.cat([torch.randint(2, 50, (200, 6), generator=generator(0)).float(), torch.full((200, 2), float(PADDING))], dim=1)
    network = TextCNN(words=50, width=4, channels=4).make((8,), 3, generator(0))
    view = Strong(forget=0.5).around(network, Augment())
    out = view(x, generator(0))
    assert isinstance(view, Forget) and (out[:, 6:] == PADDING).all()
    changed = out != x
    assert (out[changed] == UNKNOWN).all() and float(changed[:, :6].float().mean()) == pytest.approx(0.5, abs=0.06)


def test_alike_changes_every_item_the_same_way_whatever_is_beside_it() -> None:
    colour = torch.rand(6, 3, 8, 8, generator=generator(1))
    for x, augment in ((colour, Augment(flip=True, shift=2)), (VECTORS[:6], Augment())):
        view = Weak(noise=0.5).around(MLP_, augment)
        whole = alike(view, x, generator(3))
        assert not torch.equal(whole, x)
        assert torch.equal(whole.flip(0), alike(view, x.flip(0), generator(3)))
        assert torch.equal(whole[:1], alike(view, x[:1], generator(3)))
    moved = alike(Weak(noise=0.5).around(MLP_, Augment()), VECTORS[:6], generator(3)) - VECTORS[:6]
    assert torch.allclose(moved, moved[:1].expand_as(moved), atol=1e-5)
