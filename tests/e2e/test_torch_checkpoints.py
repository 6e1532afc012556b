"""The how-to's PyTorch lines with the real torch: interrupted in the middle, the weights end bit for bit alike."""

from __future__ import annotations

import signal
import subprocess
import sys
import time

import pytest

pytest.importorskip("torch")

TRAIN = """
import hashlib, random, numpy, torch, joulewise
from joulewise.schedule.checkpoint_formats import TorchFormat, TorchState

torch.set_num_threads(1)
random.seed(1), numpy.random.seed(1), torch.manual_seed(1)
x, y = torch.randn(600, 16), torch.randint(0, 4, (600,))
model = torch.nn.Sequential(torch.nn.Linear(16, 64), torch.nn.ReLU(), torch.nn.Dropout(0.3), torch.nn.Linear(64, 4))
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2)
scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=30)

def train(model, optimizer):
    noise = numpy.random.rand() * random.random()
    for rows in torch.randperm(len(x)).split(50):
        optimizer.zero_grad()
        torch.nn.functional.cross_entropy(model(x[rows] + noise * torch.randn(len(rows), 16)), y[rows]).backward()
        optimizer.step()
    scheduler.step()

state = TorchState(model=model, optimizer=optimizer, scheduler=scheduler)
checkpoint = joulewise.checkpointing("train.ckpt", format=TorchFormat(), every_s=0.05)
first = state.restore(checkpoint.resume())
print("first", first, flush=True)
for epoch in range(first, 30):
    train(model, optimizer)
    print("epoch", epoch, flush=True)
    checkpoint.step(lambda: state.at(epoch + 1))
print(hashlib.sha256(b"".join(one.detach().numpy().tobytes() for one in model.parameters())).hexdigest())
"""


def trained(folder):
    """Train to the end; the first epoch, and the hash of the weights."""
    done = subprocess.run(
        [sys.executable, "-c", TRAIN], cwd=folder, capture_output=True, text=True, check=True, timeout=300
    )
    lines = done.stdout.split("\n")
    return int(lines[0].split()[1]), lines[-2]


def ended_in_the_middle(folder, number):
    process = subprocess.Popen([sys.executable, "-c", TRAIN], cwd=folder, stdout=subprocess.PIPE, text=True)
    for line in process.stdout:
        if line == "epoch 12\n":
            break
    if number == signal.SIGKILL:
        time.sleep(0.01)
    process.send_signal(number)
    process.communicate(timeout=60)
    return process.returncode


@pytest.mark.parametrize(("number", "code"), [(signal.SIGKILL, -9), (signal.SIGTERM, 75)])
def test_weights_are_those_of_a_run_that_was_never_interrupted(tmp_path, number, code):
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    whole.mkdir()
    parts.mkdir()
    _, expected = trained(whole)

    assert ended_in_the_middle(parts, number) == code
    first, found = trained(parts)
    assert 0 < first <= 14
    assert found == expected
