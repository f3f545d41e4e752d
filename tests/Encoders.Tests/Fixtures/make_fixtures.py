"""Makes the networks beside this file and what PyTorch says of them (PyTorch 1.13; seeded).

    python3 make_fixtures.py

Programs that are made again are the same but for the order of their constants, which follows Python's hashes.

residual.ts, residual_frozen.ts   a small residual network with batch normalisation, scripted, and frozen as well
transformer.ts                    a small vision transformer, traced
pair.ts                           forward(slices, other): not an encoder
unpooled.ts                       gives a map, not logits
hungry.ts                         asks for more memory than any machine has where a batch has more than four slices
fatal.ts                          ends its process where a pixel is 1: a division that overflows
resnet18.json, resnet50.json      logits of ResNets in torchvision's form, whose weights follow the rule of weights()
smallcnn.json                     logits of a small CNN with the same rule
vit.ts, vit.json                  a vision transformer, scripted, with the halves features and head of its forward
halves.ts                         a residual network with two such pairs, and with pairs that are of no use
cam_*.json                        class activation maps of halves.ts, vit.ts, the ResNets and the small CNN
"""
import io
import json
import math
import os
import zipfile

import torch
from torch import nn

HERE = os.path.dirname(os.path.abspath(__file__))


def ramp(*shape, seed):
    """Numbers in [-.5, .5) that any language can make: the fractional parts of multiples of the golden ratio, in double."""
    index = torch.arange(1, math.prod(shape) + 1, dtype=torch.float64) + 1000.0 * seed
    product = index * 0.6180339887498949
    return (product - product.floor() - 0.5).float().reshape(shape)


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


class Attention(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(width, 3 * width)
        self.projection = nn.Linear(width, width)

    def forward(self, x):
        batch, tokens, width = x.shape
        q, k, v = self.qkv(x).reshape(batch, tokens, 3, self.heads, width // self.heads).permute(2, 0, 3, 1, 4).unbind(0)
        share = (q @ k.transpose(-2, -1) / math.sqrt(width // self.heads)).softmax(-1)
        return self.projection((share @ v).transpose(1, 2).reshape(batch, tokens, width))


class VitBlock(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.norm1 = nn.LayerNorm(width)
        self.attention = Attention(width, heads)
        self.norm2 = nn.LayerNorm(width)
        self.mlp = nn.Sequential(nn.Linear(width, 2 * width), nn.GELU(), nn.Linear(2 * width, width))

    def forward(self, x):
        x = x + self.attention(self.norm1(x))
        return x + self.mlp(self.norm2(x))


class Vit(nn.Module):
    """Patches of 4 x 4, two blocks; the logits are those of the mean token."""

    def __init__(self):
        super().__init__()
        self.patches = nn.Conv2d(2, 16, 4, 4)
        self.position = nn.Parameter(torch.zeros(1, 36, 16))
        self.early = VitBlock(16, 2)
        self.late = VitBlock(16, 2)
        self.norm = nn.LayerNorm(16)
        self.fc = nn.Linear(16, 3)

    def to_map(self, tokens):
        edge = int(math.sqrt(tokens.shape[1]))
        return tokens.transpose(1, 2).reshape(tokens.shape[0], -1, edge, edge)

    def to_tokens(self, features):
        return features.flatten(2).transpose(1, 2)

    @torch.jit.export
    def features_early(self, x):
        return self.to_map(self.early(self.to_tokens(self.patches(x)) + self.position))

    @torch.jit.export
    def head_early(self, features):
        return self.head(self.to_map(self.late(self.to_tokens(features))))

    @torch.jit.export
    def features(self, x):
        return self.to_map(self.late(self.to_tokens(self.features_early(x))))

    @torch.jit.export
    def head(self, features):
        return self.fc(self.norm(self.to_tokens(features)).mean(1))

    def forward(self, x):
        return self.head(self.features(x))


class Halves(nn.Module):
    """Pairs of methods: two sound ones, and others that maps cannot be made with."""

    def __init__(self):
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(2, 4, 3, 2, 1), nn.BatchNorm2d(4), nn.ReLU(inplace=True))
        self.body = nn.Sequential(nn.Conv2d(4, 4, 3, padding=1, bias=False), nn.BatchNorm2d(4), nn.SiLU())
        self.fc = nn.Linear(4, 3)

    @torch.jit.export
    def features_stem(self, x):
        return self.stem(x)

    @torch.jit.export
    def head_stem(self, features):
        return self.head(features + self.body(features))

    @torch.jit.export
    def features(self, x):
        x = self.stem(x)
        return x + self.body(x)

    @torch.jit.export
    def head(self, features):
        # Not linear in the features, so that gradients differ from place to place.
        return self.fc(features.square().mean([2, 3]))

    @torch.jit.export
    def features_tokens(self, x):
        return self.features(x).flatten(2)

    @torch.jit.export
    def head_tokens(self, features):
        return self.fc(features.square().mean(2))

    @torch.jit.export
    def features_oblong(self, x):
        x = self.features(x)
        return x.reshape(x.shape[0], x.shape[1], -1, 2)

    @torch.jit.export
    def head_oblong(self, features):
        return self.head(features)

    @torch.jit.export
    def features_detached(self, x):
        return self.features(x)

    @torch.jit.export
    def head_detached(self, features):
        return self.head(features.detach())

    @torch.jit.export
    def features_other(self, x):
        return self.features(x)

    @torch.jit.export
    def head_other(self, features):
        return 2 * self.head(features)

    @torch.jit.export
    def features_steep(self, x):
        return self.features(x)

    @torch.jit.export
    def head_steep(self, features):
        # The root's derivative is infinite at the zero that is added.
        return self.head(features) + (0 * features).abs().sqrt().sum([1, 2, 3]).unsqueeze(1)

    @torch.jit.export
    def features_lonely(self, x):
        return self.features(x)

    def forward(self, x):
        return self.head(self.features(x))


class SmallCnn(nn.Module):
    """Three convolutions, logits for each pixel, and the logarithm of their mean exponential."""

    def __init__(self):
        super().__init__()
        self.layers = nn.ModuleList([nn.Conv2d(2, 4, 3, padding=1), nn.Conv2d(4, 6, 3, padding=2, dilation=2), nn.Conv2d(6, 5, 3, 2, 1)])
        self.head = nn.Conv2d(5, 3, 1)
        self.bias = nn.Parameter(torch.zeros(3))
        self.parts = [
            lambda x: nn.functional.max_pool2d(self.layers[0](x).relu(), 2),
            lambda x: nn.functional.silu(self.layers[1](x)),
            lambda x: nn.functional.leaky_relu(self.layers[2](x), 0.01),
            self.pool,
        ]

    def pool(self, x):
        logits = nn.functional.softplus(self.head(x)).flatten(2)
        return ((3 * logits).logsumexp(2) - math.log(logits.shape[2])) / 3 + self.bias


class Pair(nn.Module):
    def forward(self, slices, other):
        return slices.mean([2, 3]) + other


class Unpooled(nn.Module):
    def forward(self, slices):
        return slices.mean(1)


class Hungry(nn.Module):
    def features(self, slices):
        if slices.shape[0] > 4:
            slices = slices + torch.empty(1 << 50).sum()
        return nn.functional.avg_pool2d(slices, 4)

    def head(self, features):
        return features.mean([2, 3])

    def forward(self, slices):
        return self.head(self.features(slices))


class Fatal(torch.nn.Module):
    def forward(self, x):
        logits = x.sum([1, 2, 3]).unsqueeze(1)
        if float(x.max()) > 0.999:
            least = (x.flatten() * 0).to(torch.int32) - 2147483647 - 1
            logits = logits + torch.div(least, least // least - 2, rounding_mode="trunc").sum().float()
        return logits


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


def write_maps(name, slices, layers):
    """Maps of the class whose GradCAM is the brightest. Layers are triples of a name, the function from slices to features and that
    from features to logits."""
    maps = {}
    for layer, to_features, to_logits in layers:
        features = to_features(slices).detach().requires_grad_(True)
        gradients = [torch.autograd.grad(to_logits(features)[:, number].sum(), features)[0] for number in range(3)]

        def activation(weights):
            return (weights * features).sum(1).clamp(min=0).flatten().tolist()

        grad_cams = [activation(gradient.mean([2, 3], keepdim=True)) for gradient in gradients]
        number = max(range(3), key=lambda number: sum(grad_cams[number]))
        for kind, values in (("GradCam", grad_cams[number]), ("LayerCam", activation(gradients[number].clamp(min=0)))):
            maps[f"{layer} {kind} {number}"] = [float(f"{value:.7g}") for value in values]
    with open(os.path.join(HERE, f"cam_{name}.json"), "w", encoding="ascii") as file:
        json.dump(maps, file)
        file.write("\n")


def chain(*functions):
    def run(x):
        for function in functions:
            x = function(x)
        return x
    return run


def split(names, parts):
    """The layers of a chain: after each named part the features, and the rest as the head."""
    return [(name, chain(*parts[:end]), chain(*parts[end:])) for name, end in names.items()]


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
        for name, network in (("pair", Pair()), ("unpooled", Unpooled()), ("hungry", Hungry()), ("fatal", Fatal())):
            save(torch.jit.script(network), name)
        write("vit", fill(Vit())(slices))
        save(torch.jit.script(fill(Vit())), "vit")
        save(torch.jit.script(fill(Halves())), "halves")
        for depth in (18, 50):
            write(f"resnet{depth}", fill(ResNet(depth, 2, 3))(ramp(2, 2, 64, 64, seed=7)))
        write("smallcnn", chain(*fill(SmallCnn()).parts)(slices))
    vit, halves, cnn = fill(Vit()), fill(Halves()), fill(SmallCnn())
    write_maps("vit", slices, [("features", vit.features, vit.head), ("early", vit.features_early, vit.head_early)])
    write_maps("halves", slices, [("features", halves.features, halves.head), ("stem", halves.features_stem, halves.head_stem)])
    write_maps("smallcnn", slices, split({"layers.0": 1, "layers.1": 2, "layers.2": 3}, cnn.parts))
    for depth in (18, 50):
        resnet = fill(ResNet(depth, 2, 3))
        resnet_parts = [
            lambda x: resnet.maxpool(resnet.relu(resnet.bn1(resnet.conv1(x)))),
            resnet.layer1, resnet.layer2, resnet.layer3, resnet.layer4,
            lambda x: resnet.fc(x.mean([2, 3])),
        ]
        write_maps(f"resnet{depth}", ramp(2, 2, 64, 64, seed=7), split({f"layer{number}": number + 1 for number in range(1, 5)}, resnet_parts))


if __name__ == "__main__":
    main()
