#!/usr/bin/python3
"""Ten training steps of the zoo in PyTorch, recorded for TestLossesOfPyTorch.

Writes torch_losses.json beside itself. Runs with Debian's python3-torch (1.13).

Neither weights nor rows are stored: both sides draw them from SplitMix64. Value i
of the stream called NAME is u = (mix(fnv1a64(NAME) + (i+1)*gamma) >> 40) / 2^23 - 1,
uniform in [-1, 1). A weight of rank 2 or more is sqrt(6*dims[0]/size)*u, the scale
of a normalisation 1 + 0.1*u, a bias 0.1*u, from the stream of its name. The rows of
step S are sqrt(3)*u of "x/S", the teacher's logits 3*u of "teacher/S" and the labels
floor((u+1)/2*classes) of "labels/S".

The loss is alpha*T^2*KL(p || q) + (1-alpha)*CE, the optimiser SGD with momentum.

Each run is recorded in float64, the reference, and in float32, which shows how far
rounding alone carries a net: in the deep MobileNetV2 by some percent in ten steps.
"""
import json, math, os
from collections import OrderedDict
import numpy as np, torch, torch.nn as nn, torch.nn.functional as F

BATCH, CLASSES, STEPS, RATE, MOMENTUM, TEMPERATURE, ALPHA = 8, 10, 10, 0.01, 0.9, 4.0, 0.9
GAMMA = 0x9E3779B97F4A7C15


def stream(name, n):
    h = 0xCBF29CE484222325
    for c in name.encode():
        h = (h ^ c) * 0x100000001B3 & (1 << 64) - 1
    z = np.uint64(h) + np.arange(1, n + 1, dtype=np.uint64) * np.uint64(GAMMA)
    z = (z ^ z >> np.uint64(30)) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ z >> np.uint64(27)) * np.uint64(0x94D049BB133111EB)
    z ^= z >> np.uint64(31)
    return (z >> np.uint64(40)).astype(np.float64) / 2**23 - 1


def weight(name, dims):
    size = math.prod(dims)
    u = stream(name, size)
    if len(dims) > 1:
        u = math.sqrt(6 * dims[0] / size) * u
    else:
        u = 1 + 0.1 * u if name.endswith(".weight") else 0.1 * u
    return torch.from_numpy(u.astype(np.float32)).reshape(tuple(dims))


def fill(net):
    """Gives every parameter the values of its name, shapes as PyTorch has them."""
    with torch.no_grad():
        for name, p in net.named_parameters():
            p.copy_(weight(name, p.shape))
    return net


def mlp():
    return fill(nn.Sequential(OrderedDict(
        flat=nn.Flatten(), fc1=nn.Linear(784, 64), relu1=nn.ReLU(), fc2=nn.Linear(64, 32), relu2=nn.ReLU(), fc3=nn.Linear(32, CLASSES))))


def cnn():
    layers, last = OrderedDict(), 3
    for i, c in enumerate([32, 32, 64, 64, 128, 128]):
        if i in (2, 4):
            layers[f"pool{i}"] = nn.MaxPool2d(2)
        layers[f"conv{i+1}"] = nn.Conv2d(last, c, 3, padding=1, bias=False)
        layers[f"norm{i+1}"] = nn.BatchNorm2d(c)
        layers[f"relu{i+1}"] = nn.ReLU()
        last = c
    layers.update(mean=nn.AdaptiveAvgPool2d(1), flat=nn.Flatten(), fc1=nn.Linear(128, CLASSES))
    return fill(nn.Sequential(layers))


class BasicBlock(nn.Module):
    def __init__(self, ci, co, stride):
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(ci, co, 3, stride, 1, bias=False), nn.BatchNorm2d(co)
        self.conv2, self.bn2 = nn.Conv2d(co, co, 3, 1, 1, bias=False), nn.BatchNorm2d(co)
        self.downsample = None
        if stride != 1 or ci != co:
            self.downsample = nn.Sequential(nn.Conv2d(ci, co, 1, stride, bias=False), nn.BatchNorm2d(co))

    def forward(self, x):
        y = self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x)))))
        return F.relu(y + (x if self.downsample is None else self.downsample(x)))


def resnet8():
    return fill(nn.Sequential(OrderedDict(
        conv1=nn.Conv2d(3, 16, 3, 1, 1, bias=False), bn1=nn.BatchNorm2d(16), relu=nn.ReLU(),
        layer1=nn.Sequential(BasicBlock(16, 16, 1)), layer2=nn.Sequential(BasicBlock(16, 32, 2)),
        layer3=nn.Sequential(BasicBlock(32, 64, 2)), mean=nn.AdaptiveAvgPool2d(1), flat=nn.Flatten(), fc=nn.Linear(64, CLASSES))))


class WideBlock(nn.Module):
    def __init__(self, ci, co, stride):
        super().__init__()
        self.bn1, self.conv1 = nn.BatchNorm2d(ci), nn.Conv2d(ci, co, 3, stride, 1, bias=False)
        self.bn2, self.conv2 = nn.BatchNorm2d(co), nn.Conv2d(co, co, 3, 1, 1, bias=False)
        self.convShortcut = None if ci == co else nn.Conv2d(ci, co, 1, stride, bias=False)

    def forward(self, x):
        a = F.relu(self.bn1(x))
        y = self.conv2(F.relu(self.bn2(self.conv1(a))))
        return y + (x if self.convShortcut is None else self.convShortcut(a))


def wrn():  # 10-1
    def stage(*block):
        return nn.Sequential(OrderedDict(layer=nn.Sequential(WideBlock(*block))))
    return fill(nn.Sequential(OrderedDict(
        conv1=nn.Conv2d(3, 16, 3, 1, 1, bias=False), block1=stage(16, 16, 1), block2=stage(16, 32, 2), block3=stage(32, 64, 2),
        bn1=nn.BatchNorm2d(64), relu=nn.ReLU(), mean=nn.AdaptiveAvgPool2d(1), flat=nn.Flatten(), fc=nn.Linear(64, CLASSES))))


def conv_norm(ci, co, k, stride, groups=1):
    return nn.Sequential(nn.Conv2d(ci, co, k, stride, k // 2, groups=groups, bias=False), nn.BatchNorm2d(co), nn.ReLU6())


class InvertedResidual(nn.Module):
    def __init__(self, ci, co, stride, expand):
        super().__init__()
        hidden = ci * expand
        layers = [] if expand == 1 else [conv_norm(ci, hidden, 1, 1)]
        layers += [conv_norm(hidden, hidden, 3, stride, hidden), nn.Conv2d(hidden, co, 1, bias=False), nn.BatchNorm2d(co)]
        self.conv, self.residual = nn.Sequential(*layers), stride == 1 and ci == co

    def forward(self, x):
        return x + self.conv(x) if self.residual else self.conv(x)


def mobilenetv2():  # width 0.25 for 16x16: the last two of five halvings are left
    def channels(c):
        n = max(8, int(c * 0.25 + 4) // 8 * 8)
        return n + 8 if n < 0.9 * c * 0.25 else n
    last = channels(32)
    layers = [conv_norm(3, last, 3, 1)]
    for expand, c, blocks, stride in [(1, 16, 1, 1), (6, 24, 2, 1), (6, 32, 3, 1), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1)]:
        for i in range(blocks):
            layers.append(InvertedResidual(last, channels(c), stride if i == 0 else 1, expand))
            last = channels(c)
    layers.append(conv_norm(last, 1280, 1, 1))
    return fill(nn.Sequential(OrderedDict(
        features=nn.Sequential(*layers), mean=nn.AdaptiveAvgPool2d(1), flat=nn.Flatten(), classifier=nn.Sequential(nn.Dropout(0), nn.Linear(1280, CLASSES)))))


class Transformer(nn.Module):
    """PyTorch's own encoder layers; the streams have the names and layouts (in, out) of ours."""
    DIM, HEADS, DEPTH, PATCH, TOKENS = 32, 4, 2, 2, 64

    def __init__(self):
        super().__init__()
        d = self.DIM
        self.embed = nn.Conv2d(3, d, self.PATCH, self.PATCH)
        self.position = nn.Parameter(weight("pos_embed", (1, self.TOKENS, d)))
        self.blocks = nn.ModuleList(nn.TransformerEncoderLayer(
            d, self.HEADS, 4 * d, dropout=0, activation="gelu", batch_first=True, norm_first=True) for _ in range(self.DEPTH))
        self.norm, self.head = nn.LayerNorm(d), nn.Linear(d, CLASSES)
        with torch.no_grad():
            self.copy(self.embed, "patch_embed", self.embed.weight.shape)
            for i, block in enumerate(self.blocks):
                name, attention = f"blocks.{i}", block.self_attn
                attention.in_proj_weight.copy_(torch.cat([weight(f"{name}.attn.{k}.weight", (d, d)).T for k in "qkv"]))
                attention.in_proj_bias.copy_(torch.cat([weight(f"{name}.attn.{k}.bias", (d,)) for k in "qkv"]))
                self.copy(attention.out_proj, f"{name}.attn.proj", (d, d))
                self.copy(block.linear1, f"{name}.mlp.fc1", (d, 4 * d))
                self.copy(block.linear2, f"{name}.mlp.fc2", (4 * d, d))
                self.copy(block.norm1, f"{name}.norm1", (d,))
                self.copy(block.norm2, f"{name}.norm2", (d,))
            self.copy(self.norm, "norm", (d,))
            self.head.weight.copy_(weight("head.weight", (CLASSES, d)))
            self.head.bias.copy_(weight("head.bias", (CLASSES,)))

    @staticmethod
    def copy(layer, name, dims):
        w = weight(name + ".weight", dims)
        layer.weight.copy_(w.T if len(dims) == 2 else w)
        layer.bias.copy_(weight(name + ".bias", layer.bias.shape))

    def forward(self, x):
        x = self.embed(x).flatten(2).transpose(1, 2) + self.position
        for block in self.blocks:
            x = block(x)
        return self.head(self.norm(x).mean(1))


def train(net, shape, dtype):
    """Losses and gradient norms of ten steps, each before its update."""
    net = net.to(dtype)
    optimiser = torch.optim.SGD(net.parameters(), lr=RATE, momentum=MOMENTUM)
    losses, norms = [], []
    for step in range(STEPS):
        x = torch.from_numpy((math.sqrt(3) * stream(f"x/{step}", BATCH * math.prod(shape))).astype(np.float32)).reshape(BATCH, *shape)
        v = torch.from_numpy((3 * stream(f"teacher/{step}", BATCH * CLASSES)).astype(np.float32)).reshape(BATCH, CLASSES).to(dtype)
        y = torch.from_numpy(np.floor((stream(f"labels/{step}", BATCH) + 1) / 2 * CLASSES).astype(np.int64))
        z = net(x.to(dtype))
        soft = F.kl_div(F.log_softmax(z / TEMPERATURE, 1), F.softmax(v / TEMPERATURE, 1), reduction="batchmean")
        loss = ALPHA * TEMPERATURE**2 * soft + (1 - ALPHA) * F.cross_entropy(z, y)
        optimiser.zero_grad()
        loss.backward()
        losses.append(loss.item())
        norms.append(math.sqrt(sum((p.grad.double() ** 2).sum().item() for p in net.parameters())))
        optimiser.step()
    return losses, norms


def record(spec, shape, build):
    losses, norms = train(build(), shape, torch.float64)
    losses32, norms32 = train(build(), shape, torch.float32)
    return dict(spec=spec, shape=shape, parameters=sum(p.numel() for p in build().parameters()),
                losses=losses, norms=norms, losses32=losses32, norms32=norms32)


torch.set_num_threads(1)
image = [3, 16, 16]
runs = [record("mlp:64,32", [784], mlp), record("cnn", image, cnn), record("resnet8", image, resnet8), record("wrn-10-1", image, wrn),
        record("mobilenetv2:0.25", image, mobilenetv2), record("transformer:32,2,4", image, Transformer)]
out = dict(torch=torch.__version__, batch=BATCH, classes=CLASSES, rate=RATE, momentum=MOMENTUM, temperature=TEMPERATURE, alpha=ALPHA, runs=runs)
with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "torch_losses.json"), "w") as f:
    json.dump(out, f, indent=1)
    f.write("\n")
