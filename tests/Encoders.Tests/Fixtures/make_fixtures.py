"""Makes the networks beside this file and what PyTorch says of them (PyTorch 1.13; seeded).

    python3 make_fixtures.py

residual.ts, residual_frozen.ts   a small residual network with batch normalisation, scripted, and frozen as well
transformer.ts                    a small vision transformer, traced
pair.ts                           forward(slices, other): not an encoder
unpooled.ts                       gives a map, not logits
resnet18.json, resnet50.json      logits of ResNets in torchvision's form, whose weights follow the rule of weights()
"""
import io
import json
import math
import os
import zipfile

import numpy as np
import torch
from torch import nn

HERE = os.path.dirname(os.path.abspath(__file__))


def ramp(*shape, seed):
    """Numbers in [-.5, .5) that any language can make: the fractional parts of multiples of the golden ratio, in double."""
    index = np.arange(1, math.prod(shape) + 1, dtype=np.float64) + 1000.0 * seed
    return torch.from_numpy((np.modf(index * 0.6180339887498949)[0] - 0.5).astype(np.float32)).reshape(shape)


def weights(name, shape, seed):
    """Weights of a size that keeps activations near one."""
    if name.endswith("running_var"):
        return 1.0 + ramp(*shape, seed=seed)
    if name.endswith("running_mean"):
        return ramp(*shape, seed=seed)
    if len(shape) == 1:
        return ramp(*shape, seed=seed) + (1.0 if name.endswith("weight") else 0.0)
    return ramp(*shape, seed=seed) * (2.0 * math.sqrt(6.0 / math.prod(shape[1:])))


class Block(nn.Module):
    """A residual block with torchvision's names."""

    def __init__(self, inputs, width, stride, bottleneck):
        super().__init__()
        outputs = width * (4 if bottleneck else 1)
        if bottleneck:
            shapes = [(inputs, width, 1, 1), (width, width, 3, stride), (width, outputs, 1, 1)]
        else:
            shapes = [(inputs, width, 3, stride), (width, width, 3, 1)]
        for number, (a, b, kernel, step) in enumerate(shapes, 1):
            setattr(self, f"conv{number}", nn.Conv2d(a, b, kernel, step, kernel // 2, bias=False))
            setattr(self, f"bn{number}", nn.BatchNorm2d(b))
        self.count = len(shapes)
        self.relu = nn.ReLU(inplace=True)
        self.downsample = None
        if stride > 1 or inputs != outputs:
            self.downsample = nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs))

    def forward(self, x):
        y = x
        for number in range(1, self.count + 1):
            y = getattr(self, f"bn{number}")(getattr(self, f"conv{number}")(y))
            if number < self.count:
                y = self.relu(y)
        return self.relu(y + (x if self.downsample is None else self.downsample(x)))


class ResNet(nn.Module):
    """torchvision's resnet18 and resnet50, for any channels and classes."""

    def __init__(self, depth, channels, classes):
        super().__init__()
        bottleneck = depth == 50
        self.conv1 = nn.Conv2d(channels, 64, 7, 2, 3, bias=False)
        self.bn1 = nn.BatchNorm2d(64)
        self.relu = nn.ReLU(inplace=True)
        self.maxpool = nn.MaxPool2d(3, 2, 1)
        inputs = 64
        for stage, count in enumerate([3, 4, 6, 3] if bottleneck else [2, 2, 2, 2]):
            blocks = []
            for block in range(count):
                blocks.append(Block(inputs, 64 << stage, 2 if block == 0 and stage > 0 else 1, bottleneck))
                inputs = (64 << stage) * (4 if bottleneck else 1)
            setattr(self, f"layer{stage + 1}", nn.Sequential(*blocks))
        self.fc = nn.Linear(inputs, classes)

    def forward(self, x):
        x = self.maxpool(self.relu(self.bn1(self.conv1(x))))
        x = self.layer4(self.layer3(self.layer2(self.layer1(x))))
        return self.fc(x.mean([2, 3]))


class Residual(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(2, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU(inplace=True))
        self.body = nn.Sequential(nn.Conv2d(8, 8, 3, padding=1, bias=False), nn.BatchNorm2d(8), nn.ReLU(inplace=True))
        self.head = nn.Linear(8, 3)

    def forward(self, x):
        x = self.stem(x)
        x = x + self.body(x)
        return self.head(x.mean([2, 3]))


class Transformer(nn.Module):
    """Patches of 8 x 8, two layers of attention, the mean of the tokens."""

    def __init__(self):
        super().__init__()
        self.patches = nn.Conv2d(2, 16, 8, 8)
        self.position = nn.Parameter(torch.zeros(1, 9, 16))
        layer = nn.TransformerEncoderLayer(16, 2, 32, 0.0, "gelu", batch_first=True)
        self.encoder = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)
        self.head = nn.Linear(16, 3)

    def forward(self, x):
        x = self.patches(x).flatten(2).transpose(1, 2) + self.position
        return self.head(self.encoder(x).mean(1))


class Pair(nn.Module):
    def forward(self, slices, other):
        return slices.mean([2, 3]) + other


class Unpooled(nn.Module):
    def forward(self, slices):
        return slices.mean(1)


def fill(network):
    """Gives every parameter and buffer its weights(), numbered in the order of their names."""
    state = {name: value for name, value in network.state_dict().items() if not name.endswith("num_batches_tracked")}
    for seed, name in enumerate(sorted(state)):
        state[name].copy_(weights(name, tuple(state[name].shape), seed))
    return network.eval()


def save(program, name):
    """Saves without the notes on where each line of the source lay on the disk."""
    whole = io.BytesIO()
    torch.jit.save(program, whole)
    with zipfile.ZipFile(whole) as source, zipfile.ZipFile(os.path.join(HERE, name + ".ts"), "w") as target:
        for entry in source.infolist():
            if not entry.filename.endswith(".debug_pkl"):
                target.writestr(zipfile.ZipInfo(entry.filename), source.read(entry))


def write(name, logits):
    with open(os.path.join(HERE, name + ".json"), "w", encoding="ascii") as file:
        json.dump([[float(value) for value in row] for row in logits], file)
        file.write("\n")


def main():
    torch.set_num_threads(1)
    slices = ramp(4, 2, 24, 24, seed=7)
    with torch.no_grad():
        for name, network in (("residual", Residual()), ("transformer", Transformer())):
            fill(network)
            write(name, network(slices))
            # The fused attention that PyTorch 1.13 takes in evaluation is traced as the operators that it consists of.
            program = torch.jit.script(network) if name == "residual" else torch.jit.trace(network.train(), slices, check_trace=False)
            save(program, name)
            if name == "residual":
                save(torch.jit.freeze(program), name + "_frozen")
        for name, network in (("pair", Pair()), ("unpooled", Unpooled())):
            save(torch.jit.script(network), name)
        for depth in (18, 50):
            write(f"resnet{depth}", fill(ResNet(depth, 2, 3))(ramp(2, 2, 64, 64, seed=7)))


if __name__ == "__main__":
    main()
