"""torch.compile, a GPU's layouts and precisions, and ONNX give what eager float32 gives."""

import pytest
import torch

from seglib import models

SMALL = {"fcn_baseline": 8, "fcn8s": 4, "unet": 8, "vit": 64, "swin": 16, "cnn_j": 16, "unet_lite0": 4}


@pytest.mark.slow
@pytest.mark.parametrize("name", SMALL)
def test_eager_and_compiled_agree(name):
    torch.manual_seed(0)
    model = models.build(name, 5, width=SMALL[name]).eval()
    images = torch.randn(1, 3, 64, 96)
    # torch 2.11 writes C++ for Swin on a CPU that no compiler takes ("decltype evaluates to float"): there the graph is tested without it.
    backend = "aot_eager" if name == "swin" else "inductor"
    with torch.no_grad():
        torch.testing.assert_close(torch.compile(model, backend=backend)(images), model(images), rtol=1e-3, atol=1e-4)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
@pytest.mark.parametrize("name", SMALL)
def test_channels_last_and_bfloat16_on_a_gpu(name):
    torch.manual_seed(0)
    model = models.build(name, 5, width=SMALL[name]).eval()
    images = torch.randn(2, 3, 90, 120)
    with torch.no_grad():
        expected = model(images)
        model = model.cuda().to(memory_format=torch.channels_last)
        with torch.autocast("cuda", torch.bfloat16):
            logits = model(images.cuda().to(memory_format=torch.channels_last)).float().cpu()
    assert (logits - expected).abs().mean() < 0.05 * expected.abs().mean() + 0.01


@pytest.mark.slow
def test_onnx_runtime_agrees(tmp_path):
    pytest.importorskip("onnx", reason="pip install -r tests/requirements-peers.txt")
    runtime = pytest.importorskip("onnxruntime", reason="pip install -r tests/requirements-peers.txt")
    torch.manual_seed(0)
    model = models.build("unet", 5, width=8).eval()
    images = torch.randn(1, 3, 90, 120)
    path = tmp_path / "unet.onnx"
    torch.onnx.export(model, (images,), path, dynamo=False, input_names=["images"], output_names=["logits"], opset_version=17)
    session = runtime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    (logits,) = session.run(None, {"images": images.numpy()})
    torch.testing.assert_close(torch.from_numpy(logits), model(images).detach(), rtol=1e-3, atol=1e-4)
