"""Which devices there are and why others are not, on machines with cards of each kind, simulated."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch

from velatura.errors import DeviceUnavailable, UsageError
from velatura_daemon.config import DaemonConfig
from velatura_daemon.engine import devices
from velatura_daemon.engine.devices import (
    budget_on,
    choose_device,
    device_label,
    gpu_names,
    has_float64,
    is_device_lost,
    is_out_of_memory,
    unused,
)
from velatura_daemon.executors.local import device_names

GB = 10**9


@pytest.fixture(autouse=True)
def machine(monkeypatch: pytest.MonkeyPatch):
    """Return a function that gives this machine cards: machine(cuda=2, xpu=1, mps=True). Without a call it has none."""

    def module(kind: str, count: int, card: str) -> SimpleNamespace:
        def init() -> None:
            if not count:
                raise RuntimeError("Found no NVIDIA driver on your system. Please check that you have one.")

        return SimpleNamespace(
            is_available=lambda: count > 0,
            device_count=lambda: count,
            init=init,
            get_device_name=lambda device: card,
            get_device_properties=lambda device: SimpleNamespace(total_memory=16 * GB, has_fp64=card != "Arc A770"),
            mem_get_info=lambda device: (10 * GB, 16 * GB),
            memory_reserved=lambda device: 3 * GB,
            memory_allocated=lambda device: 1 * GB,
            max_memory_reserved=lambda device: 5 * GB,
            empty_cache=lambda: emptied.append(kind),
            synchronize=lambda device: None,
        )

    emptied: list[str] = []

    def have(
        cuda: int = 0,
        xpu: int = 0,
        mps: bool = False,
        card: str = "H100",
        hip: str | None = None,
        built: str | None = "13.0",
        xpu_built: str | None = None,
    ) -> list[str]:
        monkeypatch.setattr(torch, "cuda", module("cuda", cuda, card))
        monkeypatch.setattr(torch, "xpu", module("xpu", xpu, card))
        there = SimpleNamespace(is_available=lambda: mps, is_built=lambda: mps)
        monkeypatch.setattr(torch.backends, "mps", there)
        shared = SimpleNamespace(
            recommended_max_memory=lambda: 9 * GB,
            driver_allocated_memory=lambda: 2 * GB,
            empty_cache=lambda: emptied.append("mps"),
        )
        monkeypatch.setattr(torch, "mps", shared)
        version = SimpleNamespace(cuda=None if hip else built, hip=hip, xpu=xpu_built)
        monkeypatch.setattr(torch, "version", version)
        for variable in ("CUDA_VISIBLE_DEVICES", "HIP_VISIBLE_DEVICES"):
            monkeypatch.delenv(variable, raising=False)
        return emptied

    have()
    return have


@pytest.mark.parametrize(
    ("cards", "chosen", "names"),
    [
        ({}, "cpu", ()),
        ({"cuda": 2, "xpu": 1}, "cuda", ("cuda:0", "cuda:1")),
        ({"cuda": 1, "hip": "7.0"}, "cuda", ("cuda:0",)),
        ({"xpu": 2}, "xpu", ("xpu:0", "xpu:1")),
        ({"mps": True}, "mps", ("mps",)),
    ],
)
def test_auto_takes_cuda_then_xpu_then_mps_then_the_cpu(machine, cards, chosen, names):
    machine(**cards)
    assert choose_device("auto") == torch.device(chosen)
    assert gpu_names() == names
    assert devices.devices()[-1].name == "cpu"
    assert devices.devices()[0].name.startswith(chosen)


def test_a_card_is_described_by_its_name_and_memory(machine):
    machine(cuda=2, card="Radeon RX 7900 XTX", hip="7.0")
    first = devices.devices()[0]
    assert (first.name, first.label, first.memory) == ("cuda:0", "cuda:0 (Radeon RX 7900 XTX)", 16 * GB)
    assert devices.kind_name("cuda") == "AMD GPU (ROCm)"
    machine(cuda=1)
    assert devices.kind_name("cuda") == "NVIDIA GPU (CUDA)"


@pytest.mark.parametrize("name", ["cuda", "cuda:0", "cuda:1", "cpu", "cpu:0"])
def test_devices_that_are_there_can_be_named(machine, name):
    machine(cuda=2)
    assert choose_device(name) == torch.device(name)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("cuda:2", r"no device 'cuda:2'.*cuda:0 \(H100\), cuda:1 \(H100\), cpu \("),
        ("xpu", r"no device 'xpu'. XPU: .*without support for Intel.*Available: cuda:0"),
        ("mps", "MPS, which only macOS has"),
        ("cpu:1", "no device 'cpu:1'"),
        ("rocm", "AMD's cards are named cuda"),
        ("tpu", r"no device 'tpu'. The known names are auto, cpu, cuda.*this machine has: cuda:0"),
        ("cuda:", "'cuda:'"),
        ("cuda:9999999999999999999999", "no device .cuda:9999"),
        ("cuda:-1", "no device .cuda:-1"),
        ("", "no device ''"),
    ],
)
def test_an_error_for_a_device_says_why_and_lists_what_is_there(machine, name, expected):
    machine(cuda=2)
    with pytest.raises(DeviceUnavailable, match=expected):
        choose_device(name)


@pytest.mark.parametrize(
    ("cards", "kind", "expected"),
    [
        ({"built": None}, "cuda", "built without CUDA and ROCm"),
        ({}, "cuda", "CUDA: Found no NVIDIA driver on your system. PyTorch was built for CUDA 13.0."),
        ({"hip": "7.0"}, "cuda", "PyTorch was built for ROCm 7.0."),
        ({}, "xpu", "built without support for Intel's GPUs"),
        ({"xpu_built": "20250301"}, "xpu", "no Intel GPU was found"),
        ({}, "mps", "built without MPS"),
    ],
)
def test_for_each_kind_that_is_not_used_there_is_a_reason(machine, cards, kind, expected):
    machine(**cards)
    assert expected in unused()[kind]


def test_cards_hidden_by_the_environment_are_said_to_be_hidden(machine, monkeypatch):
    machine()
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    assert "CUDA_VISIBLE_DEVICES hides all cards" in unused()["cuda"]


def test_a_kind_that_is_there_has_no_reason_against_it(machine):
    machine(cuda=1)
    assert set(unused()) == {"xpu", "mps"}


@pytest.mark.parametrize(("kind", "count"), [("cuda", 1), ("xpu", 1)])
def test_a_job_may_take_nearly_all_free_memory_of_a_card(machine, kind, count):
    emptied = machine(**{kind: count})
    device = torch.device(kind)
    budget = budget_on(device, 4 * GB)
    assert budget.bytes == int((10 + 3 - 1) * GB * 0.9)
    assert budget.host_bytes == 4 * GB
    assert devices.memory_in_use(device) == 5 * GB
    devices.give_device_memory_back(device)
    assert emptied == [kind]


def test_on_mps_a_job_takes_no_more_than_macos_recommends(machine):
    machine(mps=True)
    device = torch.device("mps")
    assert budget_on(device, 20 * GB).bytes == 9 * GB
    assert budget_on(device, 4 * GB).bytes == 4 * GB
    assert devices.memory_in_use(device) == 2 * GB


def test_memory_is_given_back_on_the_devices_that_there_are(machine):
    emptied = machine(xpu=1, mps=True)
    devices.give_all_device_memory_back()
    assert emptied == ["xpu", "mps"]


def test_devices_without_float64_are_known(machine):
    machine(xpu=1, card="Arc A770")
    assert not has_float64(torch.device("xpu"))
    machine(xpu=1, card="Data Center GPU Max")
    assert has_float64(torch.device("xpu"))
    assert not has_float64(torch.device("mps"))
    assert has_float64(torch.device("cpu"))


@pytest.mark.parametrize(
    "message",
    [
        "CUDA out of memory. Tried to allocate 2 GiB",
        "HIP out of memory. Tried to allocate 2 GiB",
        "MPS backend out of memory (MPS allocated: 9 GB)",
        "level_zero backend failed with error: 39 (UR_RESULT_ERROR_OUT_OF_DEVICE_MEMORY)",
        "CUDA error: CUBLAS_STATUS_ALLOC_FAILED",
    ],
)
def test_every_kind_of_running_out_of_memory_is_recognised_and_is_no_lost_device(message):
    assert is_out_of_memory(RuntimeError(message))
    assert not is_device_lost(RuntimeError(message))


def test_a_worker_is_named_for_each_device(machine):
    assert device_names(DaemonConfig(devices=("xpu:0", "xpu:1"))) == ["xpu:0", "xpu:1"]
    with pytest.raises(UsageError, match="xpu:0,xpu:1"):
        device_names(DaemonConfig(devices=("rocm:0",)))


def test_a_device_has_the_name_of_its_card(machine):
    machine(xpu=1, card="Arc B580")
    assert device_label(torch.device("xpu:0")) == "xpu:0 (Arc B580)"
