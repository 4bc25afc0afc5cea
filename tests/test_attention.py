"""`i2sbkit.attention`: one result whatever computes it, and a plain answer to what runs where."""

import subprocess
import sys

import pytest
import torch
from stand_in_xformers import by_sdpa, forget, refuse, stand_in

import i2sbkit
from i2sbkit import attending

CPU = torch.device("cpu")


def qkv(tokens=20, channels=16):
    generator = torch.Generator().manual_seed(0)
    return torch.randn(3, 2, 4, tokens, channels, generator=generator)


def plainly(q, k, v):
    weight = torch.einsum("bhnc,bhmc->bhnm", q, k) / q.shape[-1] ** 0.5
    return torch.einsum("bhnm,bhmc->bhnc", weight.softmax(dim=-1), v)


@pytest.mark.parametrize("backend", ["auto", "sdpa", "xformers"])
def test_is_attention(backend):
    """Every backend gives softmax(q k^T / sqrt(channels)) v, here by SDPA."""
    q, k, v = qkv()
    torch.testing.assert_close(i2sbkit.attention(q, k, v, backend), plainly(q, k, v), atol=1e-5, rtol=0)


def test_xformers_gets_its_own_layout(monkeypatch):
    """It is called, with (B, tokens, heads, channels), and its result comes back as (B, heads, tokens, channels)."""
    seen = []

    def watch(q, k, v):
        seen.append([tuple(x.shape) for x in (q, k, v)])
        return by_sdpa(q, k, v)

    stand_in(monkeypatch, watch)
    q, k, v = qkv()
    out = i2sbkit.attention(q, k[:, :, :7], v[:, :, :7], "xformers")
    assert seen[-1] == [(2, 20, 4, 16), (2, 7, 4, 16), (2, 7, 4, 16)]
    torch.testing.assert_close(out, plainly(q, k[:, :, :7], v[:, :, :7]), atol=1e-5, rtol=0)


@pytest.mark.parametrize("backend", ["auto", "sdpa"])
def test_xformers_is_left_alone_unless_asked_for(monkeypatch, backend):
    """With any other backend it is not called, though it is there."""
    stand_in(monkeypatch, refuse)
    assert attending.attention_problem(backend, CPU) is None
    i2sbkit.check_attention(backend, CPU)
    i2sbkit.attention(*qkv(), backend)


def test_xformers_is_imported_only_when_asked_for():
    """A process that attends by "auto" never imports it: that takes a second."""
    code = """
import sys, torch, i2sbkit
i2sbkit.attention(*torch.zeros(3, 1, 1, 2, 4))
assert not any(name.startswith("xformers") for name in sys.modules)
"""
    subprocess.run([sys.executable, "-c", code], check=True)


def test_where_xformers_has_no_operator_sdpa_is_taken(monkeypatch):
    """The problem is told on request, and found out once."""
    calls = []

    def refuses(q, k, v):
        calls.append(q)
        refuse(q, k, v)

    stand_in(monkeypatch, refuses)
    q, k, v = qkv()
    for _ in range(3):
        torch.testing.assert_close(i2sbkit.attention(q, k, v, "xformers"), i2sbkit.attention(q, k, v))
    told = attending.attention_problem("xformers", CPU)
    assert told == "does not run here: NotImplementedError: No operator found"
    assert len(calls) == 1


def test_a_missing_xformers_says_how_to_install_it(monkeypatch):
    """The reason is the command to type."""
    monkeypatch.setitem(sys.modules, "xformers", None)
    forget(monkeypatch)
    assert attending.attention_problem("xformers", CPU) == 'not installed: pip install "i2sbkit[xformers]"'


def test_the_real_xformers_does_not_run_on_a_cpu(capfd):
    """Its reason, that the device is no GPU, is in the answer; its own warnings are not shown."""
    pytest.importorskip("xformers")
    told = attending.attention_problem("xformers", CPU)
    assert "does not run here: NotImplementedError: No operator found" in told
    assert "device=cpu (supported: {'cuda'})" in told
    assert "WARNING" not in capfd.readouterr().err


@pytest.mark.cuda
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_the_real_xformers_gives_what_sdpa_gives(dtype):
    """On a GPU it runs, and agrees with SDPA in the result and in the gradients."""
    pytest.importorskip("xformers")
    assert attending.attention_problem("xformers", torch.device("cuda")) is None
    found = []
    for backend in ("sdpa", "xformers"):
        q, k, v = (x.to("cuda", dtype).requires_grad_() for x in qkv(tokens=64, channels=64))
        out = i2sbkit.attention(q, k, v, backend)
        out.float().square().sum().backward()
        found.append((out, q.grad, k.grad, v.grad))
    for one, other in zip(*found, strict=True):
        torch.testing.assert_close(one, other, atol=2e-5 if dtype is torch.float32 else 5e-2, rtol=2e-2)


@pytest.mark.parametrize(
    "call", [lambda: i2sbkit.attention(*qkv(), "flash"), lambda: i2sbkit.check_attention("flash", CPU)]
)
def test_an_unknown_backend_is_an_error(call):
    """The message lists those there are."""
    with pytest.raises(i2sbkit.Error, match="no attention backend 'flash'; there are: auto, sdpa, xformers"):
        call()
