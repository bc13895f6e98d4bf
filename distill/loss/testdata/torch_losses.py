#!/usr/bin/python3
"""The losses of this package in PyTorch, float64, gradients by autograd.

Writes torch_losses.json beside itself, for TestLossesOfPyTorch. Each loss is written
down as its paper has it, from torch's own log_softmax and nothing of this package.
Runs with Debian's python3-torch (1.13).
"""
import json, os
import torch
import torch.nn.functional as F

torch.set_default_dtype(torch.float64)

GOLDEN = dict(  # goldenBatch
    student=[[1.5, -0.25, 3], [0.5, 2, -1], [-2, 0, 4.5], [0.75, 0.25, -0.5]],
    teacher=[[2, 1, -1], [0, 3.5, 0.5], [10, -10, 0.25], [1, 1, 1]],
    labels=[0, 1, -1, 2])


def drawn(n, c, scale):
    g = torch.Generator().manual_seed(n * 100 + c)
    z = (torch.randn(n, c, generator=g) * scale * 64).round() / 64  # exact in float32
    v = (torch.randn(n, c, generator=g) * scale * 64).round() / 64
    y = torch.randint(0, c, (n,), generator=g)
    y[1] = -1
    return dict(student=z.tolist(), teacher=v.tolist(), labels=y.tolist())


BATCHES = dict(golden=GOLDEN, drawn=drawn(6, 5, 2), sharp=drawn(5, 10, 20))


def kl(logp, logq):
    return (logp.exp() * (logp - logq)).sum(1)


def dkd(z, v, y, t, target=1, nontarget=8):
    y = torch.where(y < 0, v.argmax(1), y)
    own = F.one_hot(y, z.shape[1]).bool()

    def parts(x):
        log = F.log_softmax(x / t, 1)
        yes = log[own]
        no = log.masked_fill(own, float('-inf')).logsumexp(1)
        rest = F.log_softmax((x / t)[~own].reshape(len(x), -1), 1)
        return torch.stack([yes, no], 1), rest

    bz, rz = parts(z)
    bv, rv = parts(v)
    return t * t * (target * kl(bv, bz) + nontarget * kl(rv, rz)).mean()


def pearson(a, b):
    a, b = a - a.mean(1, keepdim=True), b - b.mean(1, keepdim=True)
    return (a * b).sum(1) / (a.norm(dim=1) * b.norm(dim=1) + 1e-8)


def dist(z, v, y, t, inter=1, intra=1):
    q, p = F.softmax(z / t, 1), F.softmax(v / t, 1)
    return t * t * (inter * (1 - pearson(q, p).mean()) + intra * (1 - pearson(q.T, p.T).mean()))


SOFT = {
    'classic': lambda z, v, y, t: t * t * kl(F.log_softmax(v / t, 1), F.log_softmax(z / t, 1)).mean(),
    'dkd': dkd,
    'dkd:target=2,nontarget=0.5': lambda z, v, y, t: dkd(z, v, y, t, 2, 0.5),
    'dist': dist,
    'dist:inter=2,intra=0.5': lambda z, v, y, t: dist(z, v, y, t, 2, 0.5),
    'ttm': lambda z, v, y, t: kl(F.log_softmax(v / t, 1), F.log_softmax(z, 1)).mean(),
    'wttm': lambda z, v, y, t: ((F.softmax(v, 1) ** (1 / t)).sum(1) * kl(F.log_softmax(v / t, 1), F.log_softmax(z, 1))).mean(),
    'logit-mse': lambda z, v, y, t: ((z - v) ** 2).mean(1).mean(),
}


def standardise(x):
    return (x - x.mean(1, keepdim=True)) / (1e-7 + x.std(1, keepdim=True))


def pull(term, z):
    """Root mean square over rows of the norm of the gradient of a row's part of a mean."""
    g, = torch.autograd.grad(term, z, retain_graph=True)
    return (len(z) * g).norm(dim=1).square().mean().sqrt().item()


rows = []
for batch, b in BATCHES.items():
    v, y = torch.tensor(b['teacher'], dtype=torch.float64), torch.tensor(b['labels'])
    for name, soft in SOFT.items():
        for prefix in '', 'std+':
            for t, alpha, smoothing in (4, 0.75, 0), (1, 0.5, 0.1):
                z = torch.tensor(b['student'], dtype=torch.float64, requires_grad=True)
                s = soft(standardise(z), standardise(v), y, t) if prefix else soft(z, v, y, t)
                has = y >= 0
                hard = F.cross_entropy(z[has], y[has], reduction='sum', label_smoothing=smoothing) / len(y)
                total = alpha * s + (1 - alpha) * hard
                norms = [pull(alpha * s, z), pull((1 - alpha) * hard, z)]
                total.backward()
                rows.append(dict(loss=prefix + name, batch=batch, temperature=t, alpha=alpha, smoothing=smoothing,
                                 soft=s.item(), hard=hard.item(), soft_gradient=norms[0], hard_gradient=norms[1], total=total.item(), grad=z.grad.flatten().tolist()))

flat = {k: {f: sum(x, []) if isinstance(x[0], list) else x for f, x in b.items()} for k, b in BATCHES.items()}
with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), 'torch_losses.json'), 'w') as f:
    json.dump(dict(batches=flat, rows=rows), f, indent=0)
    f.write('\n')
