"""Evaluation multiplies exactly on GPUs, and leaves PyTorch's settings as they were."""

import subprocess
import sys

import pytest

FACTS = """
def said(what):
    try:
        return str(what())
    except RuntimeError:
        return "raises"

def facts():
    cudnn, matmul = torch.backends.cudnn, torch.backends.cuda.matmul
    return [said(one) for one in (
        lambda: cudnn.allow_tf32, lambda: torch.get_float32_matmul_precision(),
        lambda: cudnn.conv.fp32_precision, lambda: matmul.fp32_precision,
        lambda: torch.backends.fp32_precision,
    )]

before = facts()
with exact_products("cpu"):
    assert facts() == before
with exact_products("cuda"):
    inside = facts()
    assert "tf32" not in inside[2:4] and "True" not in inside, inside
print(before == facts(), before, inside, facts())
"""


@pytest.mark.parametrize(
    "setting",
    [
        "pass",
        "use_precision('tf32')",
        "use_precision('float32')",
        "torch.backends.fp32_precision = 'ieee'",
        "torch.backends.fp32_precision = 'tf32'",
        "torch.backends.cudnn.conv.fp32_precision = 'ieee'",
        "torch.set_float32_matmul_precision('medium')",
        "torch.set_float32_matmul_precision('high')",
    ],
)
def test_whatever_a_process_has_set_is_as_it_was(setting):
    """Each in a process of its own: what was set once cannot be undone."""
    start = "import torch\nfrom lifelong.train.device import exact_products, use_precision\n"
    command = [sys.executable, "-c", start + setting + FACTS]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.stdout.startswith("True"), done.stdout + done.stderr
