"""torchvision's four detectors under our loss and decoding: what they say is what torchvision says of the same weights, and they learn."""

import sys
from functools import partial
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn
from torchvision.models.detection import FCOS, FasterRCNN, RetinaNet
from torchvision.models.detection.anchor_utils import AnchorGenerator, DefaultBoxGenerator
from torchvision.models.detection.retinanet import RetinaNetHead
from torchvision.models.detection.ssd import SSD
from torchvision.ops import FeaturePyramidNetwork, MultiScaleRoIAlign

from querist.core.errors import UsageError
from querist.nets.torchvision_detector import PROPOSALS, TorchvisionDetector, exclusive
from querist.tasks.classification.measures import Classes
from querist.tasks.detection.learning import MOST, DetectionHead
from querist.tasks.detection.output import columns

HEAD = DetectionHead(Classes(("cup", "dog", "key")))
SHAPE = (1, 64, 64)


class Pyramid(nn.Module):
    """Two levels of one width, strides 4 and 8."""

    out_channels = 32

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Sequential(nn.Conv2d(3, 8, 3, stride=2, padding=1), nn.ReLU(), nn.Conv2d(8, 16, 3, stride=2, padding=1), nn.ReLU())
        self.second = nn.Sequential(nn.Conv2d(16, 16, 3, stride=2, padding=1), nn.ReLU())
        self.fpn = FeaturePyramidNetwork([16, 16], 32)

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        fine = self.first(x)
        found: dict[str, Tensor] = self.fpn({"0": fine, "1": self.second(fine)})
        return found


PLAIN = {"min_size": 64, "max_size": 64, "image_mean": [0.0] * 3, "image_std": [1.0] * 3}


def retinanet(classes: int) -> RetinaNet:
    head = RetinaNetHead(32, 3, classes, norm_layer=partial(nn.GroupNorm, 8))
    return RetinaNet(Pyramid(), classes, anchor_generator=AnchorGenerator(((16,), (32,)), ((0.5, 1.0, 2.0),) * 2), head=head, **PLAIN)


def fcos(classes: int) -> FCOS:
    return FCOS(Pyramid(), classes, anchor_generator=AnchorGenerator(((16,), (32,)), ((1.0,),) * 2), **PLAIN)


def ssd(classes: int) -> SSD:
    backbone = Pyramid()
    backbone.out_channels = [32, 32]  # type: ignore[assignment]
    return SSD(backbone, DefaultBoxGenerator([[2], [2]], scales=[0.25, 0.5, 0.9]), (64, 64), classes + 1, image_mean=[0.0] * 3, image_std=[1.0] * 3)


def faster_rcnn(classes: int) -> FasterRCNN:
    return FasterRCNN(
        Pyramid(), classes + 1, rpn_anchor_generator=AnchorGenerator(((16,), (32,)), ((1.0,),) * 2),
        box_roi_pool=MultiScaleRoIAlign(["0", "1"], 5, 2), **PLAIN,
    )  # fmt: skip


MAKERS = {"retinanet": retinanet, "fcos": fcos, "ssd": ssd, "faster_rcnn": faster_rcnn}


def made(name: str, dropout: float = 0.1) -> nn.Module:
    return TorchvisionDetector(f"{__name__}:{name}", dropout).make(SHAPE, 3, torch.Generator().manual_seed(0))


def places(name: str) -> int:
    return {"retinanet": 3 * 320, "fcos": 320, "ssd": 4 * 320, "faster_rcnn": 320 + PROPOSALS}[name]


@pytest.mark.parametrize("name", MAKERS)
def test_outputs_have_the_columns_of_every_detector(name: str) -> None:
    network = made(name).eval()
    with torch.no_grad():
        output = network(torch.randn(2, *SHAPE, generator=torch.Generator().manual_seed(1)))
    assert output.shape == (2, places(name), 3 + 10) and bool(torch.isfinite(output).all())
    raw = columns(output, 3)
    assert {int(level) for level in torch.unique(raw.level)} == ({-2, -1, 0} if name == "faster_rcnn" else {0, 1})
    again = made(name).state_dict()
    assert all(torch.equal(value, again[key]) for key, value in network.state_dict().items()), "weights are a function of the stream"


@pytest.mark.parametrize("name", MAKERS)
def test_what_is_said_is_what_torchvision_says_of_the_same_weights(name: str) -> None:
    network = made(name, dropout=0.0).eval()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(int(torch.randint(0, 2**62, (1,), generator=torch.Generator().manual_seed(0))))
        theirs = MAKERS[name](3).eval()
    x = torch.randn(1, 3, 64, 64, generator=torch.Generator().manual_seed(2))
    heads = theirs.roi_heads if name == "faster_rcnn" else theirs
    heads.score_thresh, heads.detections_per_img, heads.nms_thresh = 0.0, 300, 1.0 if name == "faster_rcnn" else heads.nms_thresh
    if name == "faster_rcnn":
        theirs.rpn._post_nms_top_n = {"training": PROPOSALS, "testing": PROPOSALS}
    with torch.no_grad():
        (told,) = theirs([x[0]])
        raw = columns(network(x), 3)
    asked = raw.level[0] >= 0
    ours = raw.boxes[0, asked].clamp(0, 64)
    away = torch.cdist(told["boxes"], ours, p=1)
    # Theirs are some of our places; in a two-stage detector they have a box for every class, and ours is the one of the likeliest.
    near = away.min(dim=int(name != "faster_rcnn")).values < 1e-2
    assert float(near.float().mean()) > 0.95
    if name in ("retinanet", "ssd"):
        scores = (torch.sigmoid(raw.logits[0, :, :3]) if name == "retinanet" else torch.softmax(raw.logits[0], dim=-1)[:, :3])[away.argmin(dim=1)]
        label = told["labels"] - int(name == "ssd")
        assert torch.allclose(scores[torch.arange(len(label)), label][near], told["scores"][near], atol=1e-3)


@pytest.mark.parametrize("name", MAKERS)
def test_it_learns_a_scene_by_heart_and_tells_its_boxes_with_features(name: str) -> None:
    network = made(name)
    x = torch.zeros(2, *SHAPE)
    x[0, :, 10:30, 10:30], x[1, :, 30:62, 20:52] = 2.0, -2.0
    target = torch.full((2, MOST, 5), torch.nan)
    target[0, 0], target[1, 0] = torch.tensor([10.0, 10, 30, 30, 1]), torch.tensor([20.0, 30, 52, 62, 2])
    optimiser = torch.optim.Adam(network.parameters(), 3e-3)
    losses = []
    for _ in range(40):
        loss = HEAD.loss(network(x), target).mean()
        losses.append(loss.item())
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    assert losses[-1] < 0.6 * losses[0]
    network.eval()
    with torch.no_grad():
        maps = network.trunk(x)
        said = HEAD.sites(network(x)[:, None], x, maps)
        assert network.describe(maps).shape == (2, 32)
    if said.count:
        assert said.features is not None and said.features.shape == (said.count, 32) and bool((said.features != 0).any())


def test_a_wrong_number_of_classes_is_refused() -> None:
    for logits, shared in ((torch.zeros(1, 5), False), (torch.zeros(1, 3), True)):
        with pytest.raises(UsageError, match="another number of classes"):
            exclusive(logits, 3, shared=shared)
    assert exclusive(torch.tensor([[9.0, 1, 2, 3]]), 3, shared=True).tolist() == [[1, 2, 3, 9]]
    assert exclusive(torch.tensor([[9.0, 1, 2, 3]]), 3, shared=False).tolist() == [[1, 2, 3, 0]]


def test_what_is_no_detector_is_refused() -> None:
    for path, message in ((f"{__name__}:plain", "no detector"), (f"{__name__}:missing", "no such function"), ("nowhere", "no such function")):
        with pytest.raises(UsageError, match=message):
            TorchvisionDetector(path).make(SHAPE, 3, torch.Generator())


def plain(classes: int) -> nn.Module:
    return nn.Linear(classes, classes)


def test_the_example_makes_a_detector(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(Path(__file__).parents[2] / "examples"))
    network = TorchvisionDetector("your_detector:make").make(SHAPE, 4, torch.Generator().manual_seed(0))
    assert network(torch.zeros(1, *SHAPE)).shape == (1, 6 * 64, 14)
    assert len([line for line in Path(sys.modules["your_detector"].__file__ or "").read_text().splitlines() if line.startswith("    ")]) < 15
