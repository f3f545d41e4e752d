"""Exports a network for ToNNO: writes model.ts and reference.safetensors beside this file. Needs torch alone.

    python3 export.py && tonno model check .
"""
import json
import os
import struct

import torch

HERE = os.path.dirname(os.path.abspath(__file__))
with open(os.path.join(HERE, "metadata.json"), encoding="utf-8") as file:
    METADATA = json.load(file)

# What the metadata promise, so that network and metadata cannot drift apart.
IMAGE = METADATA["network_data_format"]["inputs"]["image"]
CHANNELS = IMAGE["num_channels"]
SIZE = 128 if IMAGE["spatial_shape"][0] == "*" else IMAGE["spatial_shape"][0]
CLASSES = len(METADATA["network_data_format"]["outputs"]["pred"]["channel_def"])


class Encoder(torch.nn.Module):
    """Slices [B, C, S, S] to logits [B, classes]. Here stands a small network of random weights: put yours in its place, and load its
    weights. Each slice's logits must be its own, whatever lies beside it in a batch."""

    def __init__(self):
        super().__init__()
        self.body = torch.nn.Sequential(
            torch.nn.Conv2d(CHANNELS, 16, 3, stride=2, padding=1), torch.nn.BatchNorm2d(16), torch.nn.ReLU(),
            torch.nn.Conv2d(16, 32, 3, stride=2, padding=1), torch.nn.BatchNorm2d(32), torch.nn.ReLU())
        self.fc = torch.nn.Linear(32, CLASSES)

    # Both halves are for class activation maps; forward alone is enough for ToNNO itself.
    def features(self, slices):  # [B, C, S, S] -> [B, K, M, M]
        return self.body(slices)

    def head(self, features):  # [B, K, M, M] -> logits [B, classes], not probabilities: they must add up
        return self.fc(features.mean([2, 3]))

    def forward(self, slices):
        return self.head(self.features(slices))


def write_reference(path, **tensors):
    """Writes float32 tensors as a safetensors file."""
    header, data = {}, b""
    for name, tensor in tensors.items():
        raw = struct.pack(f"<{tensor.numel()}f", *tensor.flatten().tolist())
        header[name] = {"dtype": "F32", "shape": list(tensor.shape), "data_offsets": [len(data), len(data) + len(raw)]}
        data += raw
    text = json.dumps(header).encode()
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text + data)


torch.manual_seed(0)
network = Encoder().eval()  # evaluation mode: dropout off, batch normalisation by its running means
# network.load_state_dict(torch.load("weights.pt", map_location="cpu"))
network = network.to(memory_format=torch.channels_last)  # the layout that ToNNO computes in: frozen weights keep theirs

program = torch.jit.script(network)
if METADATA["tonno"]["precision"] == "float32":
    program = torch.jit.freeze(program, ["features", "head"])  # faster; frozen weights stay float32
program.save(os.path.join(HERE, "model.ts"))

# A few slices as the network sees them, that is after the intensity window, best from its own validation data.
slices = torch.rand(4, CHANNELS, SIZE, SIZE) * torch.linspace(0.2, 1, 4).view(4, 1, 1, 1)
with torch.no_grad():
    write_reference(os.path.join(HERE, "reference.safetensors"), slices=slices, logits=network(slices))
