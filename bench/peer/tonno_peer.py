"""The job of `tonno run` as a competent, tuned PyTorch script, to be measured against: bench/run pipeline and bench/run encoders.

Slices by grid_sample, a ResNet-18 frozen and optimised by TorchScript, an FFT filter and a vectorised backprojection.
Torch alone is needed, 1.13 or later. Usage: tonno_peer.py export JOB.json | onnx JOB.json | run JOB.json [optimise] |
encode JOB.json [optimise | channels_last | bf16] (bench writes the job).
"""
import json
import math
import struct
import sys
import time

import torch
import torch.nn.functional as F
from torch import nn

BATCH = 16
OVERSAMPLING = 4


class Block(nn.Module):
    def __init__(self, inputs, outputs, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.downsample = None
        if stride != 1 or inputs != outputs:
            self.downsample = nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs))

    def forward(self, x):
        shortcut = x if self.downsample is None else self.downsample(x)
        x = F.relu(self.bn1(self.conv1(x)))
        return F.relu(self.bn2(self.conv2(x)) + shortcut)


class ResNet18(nn.Module):
    """torchvision's names, one channel in and one logit out."""

    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 64, 7, 2, 3, bias=False)
        self.bn1 = nn.BatchNorm2d(64)
        channels = 64
        for stage in range(4):
            width = 64 << stage
            setattr(self, f"layer{stage + 1}", nn.Sequential(
                Block(channels, width, 1 if stage == 0 else 2), Block(width, width, 1)))
            channels = width
        self.fc = nn.Linear(512, 1)

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.bn1(self.conv1(x))), 3, 2, 1)
        x = self.layer4(self.layer3(self.layer2(self.layer1(x))))
        return self.fc(x.mean([2, 3]))


def read_safetensors(path):
    with open(path, "rb") as file:
        (length,) = struct.unpack("<Q", file.read(8))
        entries = json.loads(file.read(length))
        data = bytearray(file.read())
    tensors = {}
    for name, entry in entries.items():
        if name != "__metadata__":
            first, last = entry["data_offsets"]
            tensors[name] = torch.frombuffer(data, dtype=torch.float32, count=(last - first) // 4, offset=first).reshape(entry["shape"])
    return tensors


def network(job):
    model = ResNet18()
    missing, unexpected = model.load_state_dict(read_safetensors(job["weights"]), strict=False)
    assert not unexpected and all(name.endswith("num_batches_tracked") for name in missing), (missing, unexpected)
    return model.eval()


def frozen(job, dtype=torch.float32, layout=torch.contiguous_format):
    example = torch.zeros(BATCH, 1, job["size"], job["size"], dtype=dtype)
    return torch.jit.freeze(torch.jit.trace(network(job).to(dtype, memory_format=layout), example))


def cutter(job):
    """Returns volume [1, 1, K, J, I] and a function of (direction, offsets) to slices [B, 1, S, S]."""
    shape = job["shape"]
    volume = torch.from_file(job["volume"], size=math.prod(shape), dtype=torch.float32).clone().reshape(1, 1, *shape)
    size, pixel = job["size"], job["pixel_mm"]
    a = (torch.arange(size, dtype=torch.float32) - (size - 1) / 2) * pixel
    # Voxels of 1 mm, centred on the rotation centre: world mm to grid_sample's -1 to 1 over the centres of the end voxels.
    scale = torch.tensor([2 / (n - 1) for n in reversed(shape)], dtype=torch.float32)
    plane = {}

    def cut(direction, offsets):
        frame = job["directions"][direction]
        if plane.get("direction") != direction:
            u, v = (scale * torch.tensor(frame[axis]) for axis in "uv")
            plane.update(direction=direction, grid=a[None, :, None] * u + a[:, None, None] * v)
        shift = torch.tensor(offsets)[:, None] * (scale * torch.tensor(frame["n"]))
        grid = plane["grid"][None] + shift[:, None, None, :]
        return F.grid_sample(volume, grid[None], mode="bilinear", padding_mode="zeros", align_corners=True)[0, 0][:, None]

    return cut


def filtered(profiles, job):
    """|w|^alpha with a Hann window, zero-padded against wrap-around, sampled four times as densely: [P, 4 (O - 1) + 1]."""
    count, h = profiles.shape[1], job["spacing_mm"]
    padded = 1 << (2 * count - 1).bit_length()
    spectrum = torch.fft.rfft(profiles, padded)
    w = 2 * math.pi * torch.fft.rfftfreq(padded, h)
    spectrum = spectrum * (w ** job["alpha"] * 0.5 * (1 + torch.cos(w * h)))
    dense = torch.fft.irfft(spectrum, OVERSAMPLING * padded) * OVERSAMPLING
    return dense[:, : OVERSAMPLING * (count - 1) + 1].contiguous()


def backprojected(profiles, job):
    shape, step = job["shape"], job["spacing_mm"] / OVERSAMPLING
    axes = [(torch.arange(n, dtype=torch.float32) - (n - 1) / 2) / step for n in shape]
    heatmap = torch.zeros(shape)
    middle = (profiles.shape[1] - 1) / 2
    for frame, profile in zip(job["directions"], profiles):
        x, y, z = frame["n"]
        t = (axes[0] * z)[:, None, None] + (axes[1] * y)[None, :, None] + (axes[2] * x)[None, None, :] + middle
        below = t.floor()
        index = below.long()
        low = profile[index]
        heatmap.add_(torch.lerp(low, profile[index + 1], t.sub_(below)), alpha=frame["weight"] / (2 * math.pi))
    return heatmap


def run(job, optimise):
    torch.set_num_threads(job["threads"])
    with torch.inference_mode():
        encode = frozen(job)
        if optimise:
            encode = torch.jit.optimize_for_inference(encode)  # convolutions prepacked for oneDNN
        for _ in range(3):
            encode(torch.zeros(BATCH, 1, job["size"], job["size"]))  # the profiling executor specialises itself in the first calls
        begun, cpu = time.perf_counter(), time.process_time()
        cut, offsets = cutter(job), job["offsets_mm"]
        blank = encode(torch.zeros(BATCH, 1, job["size"], job["size"]))[0, 0]
        logits = torch.empty(len(job["directions"]), len(offsets))
        cutting = encoding = 0.0
        for direction in range(logits.shape[0]):
            for first in range(0, len(offsets), BATCH):
                start = time.perf_counter()
                slices = cut(direction, offsets[first : first + BATCH])
                taken = slices.shape[0]
                if taken < BATCH:  # one shape only: another makes the executor specialise again
                    slices = torch.cat([slices, slices.new_zeros(BATCH - taken, *slices.shape[1:])])
                middle = time.perf_counter()
                logits[direction, first : first + taken] = encode(slices)[:taken, 0]
                cutting += middle - start
                encoding += time.perf_counter() - middle
        start = time.perf_counter()
        heatmap = backprojected(filtered(logits - blank, job), job)
        torch.from_file(job["heatmap"], shared=True, size=heatmap.numel(), dtype=torch.float32).copy_(heatmap.flatten())
        ended, cpu = time.perf_counter(), time.process_time() - cpu
    print(json.dumps({
        "torch": torch.__version__,
        "seconds": ended - begun,
        "cpu_seconds": cpu,
        "cut_seconds": cutting,
        "encode_seconds": encoding,
        "reconstruct_seconds": ended - start,
        "slices": logits.numel(),
    }))


def encode_alone(job, options):
    """The encoder alone, on slices that lie ready."""
    torch.set_num_threads(job["threads"])
    dtype = torch.bfloat16 if "bf16" in options else torch.float32
    layout = torch.channels_last if "channels_last" in options else torch.contiguous_format
    with torch.inference_mode():
        encode = frozen(job, dtype, layout)
        if "optimise" in options:
            encode = torch.jit.optimize_for_inference(encode)
        slices = torch.rand(job["batch"], 1, job["size"], job["size"]).to(dtype, memory_format=layout)
        for _ in range(3):
            encode(slices)
        begun, cpu = time.perf_counter(), time.process_time()
        for _ in range(job["batches"]):
            encode(slices)
        seconds, cpu = time.perf_counter() - begun, time.process_time() - cpu
    print(json.dumps({"torch": torch.__version__, "seconds": seconds, "cpu_seconds": cpu, "encode_seconds": seconds}))


if __name__ == "__main__":
    with open(sys.argv[2], encoding="utf-8") as file:
        given = json.load(file)
    if sys.argv[1] == "export":
        frozen(given, layout=torch.channels_last).save(given["program"])  # as docs/bring-your-model.md has it
    elif sys.argv[1] == "onnx":
        torch.onnx.export(network(given), torch.zeros(BATCH, 1, given["size"], given["size"]), given["onnx"], opset_version=13,
                          input_names=["slices"], output_names=["logits"])
    elif sys.argv[1] == "encode":
        encode_alone(given, sys.argv[3:])
    else:
        run(given, optimise=sys.argv[3:] == ["optimise"])
