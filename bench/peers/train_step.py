"""The training step of bench/train-step.ts in PyTorch on the CPU. Argument: the configuration as JSON. Prints JSON."""
import json
import sys
import time

import torch
from torch import nn
from torch.nn import functional as F


class Edge(nn.Module):
    def __init__(self, features, inner_widths, scale):
        super().__init__()
        self.scale = scale
        self.head = nn.Conv2d(3, features, 3, padding=1)
        self.body = nn.ModuleList(
            nn.ModuleList([nn.Conv2d(features, inner, 3, padding=1), nn.Conv2d(inner, features, 3, padding=1)])
            for inner in inner_widths
        )
        self.tail = nn.Conv2d(features, 3 * scale * scale, 3, padding=1)

    def forward(self, image):
        shallow = features = self.head(image - 0.5)
        for conv1, conv2 in self.body:
            features = features + conv2(F.relu(conv1(features)))
        repeated = image.repeat_interleave(self.scale**2, dim=1)
        return F.pixel_shuffle(self.tail(features + shallow) + repeated, self.scale)


def create_dual(features=16):
    return nn.Sequential(
        nn.Conv2d(3, features, 3, stride=2, padding=1, bias=False),
        nn.LeakyReLU(0.2),
        nn.Conv2d(features, features, 3, stride=2, padding=1, bias=False),
        nn.LeakyReLU(0.2),
        nn.Conv2d(features, 3, 3, padding=1, bias=False),
    )


def main(config):
    torch.set_num_threads(config["workers"])
    torch.manual_seed(1)
    spec, batch, patch = config["spec"], config["batchSize"], config["lrPatchSize"]
    layout = torch.channels_last
    primal = Edge(spec["featureCount"], spec["innerWidths"], spec["scale"]).to(memory_format=layout)
    dual = create_dual().to(memory_format=layout) if config["dualWeight"] > 0 else None
    parameters = list(primal.parameters()) + (list(dual.parameters()) if dual else [])
    average = [p.detach().clone() for p in parameters]
    adam = torch.optim.Adam(parameters, 1e-3)
    small = torch.rand(batch, 3, patch, patch).contiguous(memory_format=layout)
    side = patch * spec["scale"]
    large = torch.rand(batch, 3, side, side).contiguous(memory_format=layout)

    def step():
        adam.zero_grad(set_to_none=True)
        enlarged = primal(small)
        loss = F.l1_loss(enlarged, large)
        if dual:
            loss = loss + config["dualWeight"] * F.l1_loss(dual(enlarged), small)
        loss.backward()
        nn.utils.clip_grad_norm_(parameters, 1.0)
        adam.step()
        with torch.no_grad():
            for mean, value in zip(average, parameters):
                mean.lerp_(value, 0.1)

    for _ in range(config["warmUpSteps"]):
        step()
    times = []
    for _ in range(config["steps"]):
        start = time.perf_counter()
        step()
        times.append((time.perf_counter() - start) * 1000)
    print(json.dumps({"version": torch.__version__, "stepMs": times}))


main(json.loads(sys.argv[1]))
