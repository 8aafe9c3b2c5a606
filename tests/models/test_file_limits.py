"""Weights files that are small on the disk, or have very many names, cost little to refuse."""

from __future__ import annotations

import io
import json
import multiprocessing
import pickle
import resource
import struct
import zipfile
from collections import OrderedDict
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from tests.support.networks import weights_of_vgg19s_shapes

from velatura.errors import BadWeights
from velatura_daemon.models.check import load_tensors, read_weights
from velatura_daemon.models.file_limits import MAX_TENSORS, check_pth, safetensors_header

MANY = 100_000


def torch_file(content):
    out = io.BytesIO()
    torch.save(content, out)
    return out.getvalue()


def deflated(path):
    """200 MB of zeros in 1 MB."""
    with (
        zipfile.ZipFile(io.BytesIO(torch_file({"features.0.weight": torch.zeros(50_000_000)}))) as plain,
        zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as packed,
    ):
        for entry in plain.infolist():
            packed.writestr(entry.filename, plain.read(entry))


def many_entries(path):
    with zipfile.ZipFile(path, "w") as archive:
        for number in range(MANY // 4):
            archive.writestr(f"archive/{number}", b"")


def many_names_in_a_zip(path):
    one = torch.zeros(1)
    with zipfile.ZipFile(io.BytesIO(torch_file({"a": one}))) as plain, zipfile.ZipFile(path, "w") as archive:
        for entry in plain.infolist():
            names = pickle.dumps(dict.fromkeys(map(str, range(MANY)), 1), 2)
            archive.writestr(entry.filename, names if entry.filename.endswith("data.pkl") else plain.read(entry))


def many_names_in_the_old_format(path):
    torch.save(dict.fromkeys(map(str, range(MANY)), 1), path, _use_new_zipfile_serialization=False)


def many_names_in_safetensors(path, count=MANY):
    header = {f"n{number}": {"dtype": "F32", "shape": [0], "data_offsets": [0, 0]} for number in range(count)}
    text = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text)


BAD = {
    "compressed.pth": (deflated, "compressed entries"),
    "entries.pth": (many_entries, "zip directory of .* up to 1.0 are allowed"),
    "names.pth": (many_names_in_a_zip, "values in its list of tensors|list of tensors in"),
    "old names.pth": (many_names_in_the_old_format, "values in its list of tensors"),
    "names.safetensors": (many_names_in_safetensors, "header of .* up to 1.0 are allowed"),
}
SMALL_MEMORY = 100 << 20  # bytes that reading may map beside what the process has


def refusal_in_little_memory(path, answer):
    """Runs in a process of its own: the limit cannot be raised again."""
    used = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + SMALL_MEMORY, used + SMALL_MEMORY))
    try:
        read_weights(path)
        answer.send("read")
    except BadWeights as error:
        answer.send(error.sentence)


@pytest.mark.parametrize("name", BAD)
def test_a_file_that_would_take_much_memory_is_refused_in_little(tmp_path, name):
    make, expected = BAD[name]
    make(tmp_path / name)
    context = multiprocessing.get_context("fork")
    ours, theirs = context.Pipe()
    child = context.Process(target=refusal_in_little_memory, args=(tmp_path / name, theirs))
    child.start()
    theirs.close()
    sentence = ours.recv()
    child.join()
    with pytest.raises(BadWeights, match=expected):
        raise BadWeights(sentence)
    assert name in sentence and "torch.save" in sentence


def test_a_few_more_names_than_a_large_network_has_are_refused(tmp_path):
    many_names_in_safetensors(tmp_path / "a.safetensors", MAX_TENSORS + 1)
    with pytest.raises(BadWeights, match="2,000 tensors"):
        read_weights(tmp_path / "a.safetensors")


@pytest.mark.parametrize("between", [b"", b"\x80\x02"])  # the second: a protocol number, which changes nothing
def test_a_name_of_nested_tuples_is_refused(tmp_path, between):
    """Of 60 levels, each of which is the one before twice: hashing it would take years."""
    levels = b"".join(b"h%ch%c\x86%sq%c" % (n, n, between, n + 1) for n in range(61))
    with zipfile.ZipFile(tmp_path / "a.pth", "w") as archive:
        archive.writestr("a/data.pkl", b"\x80\x02}(X\x01\0\0\0aq\0" + levels + b"u.")
    with pytest.raises(BadWeights, match="repeats a tuple"):
        load_tensors(tmp_path / "a.pth")


@pytest.mark.parametrize("new_format", [True, False])
def test_a_state_dict_with_a_classifier_and_many_other_layers_is_read(tmp_path, new_format):
    others = {f"blocks.{number}.weight": torch.ones(3) for number in range(400)}
    content = OrderedDict({**weights_of_vgg19s_shapes(), **others})
    torch.save(content, tmp_path / "a.pth", _use_new_zipfile_serialization=new_format)
    assert torch.equal(read_weights(tmp_path / "a.pth")["conv1_1.weight"], content["conv1_1.weight"])


def test_tensors_do_not_depend_on_the_file_after_reading(tmp_path):
    torch.save(weights_of_vgg19s_shapes(), tmp_path / "a.pth")
    weights = read_weights(tmp_path / "a.pth")
    before = weights["conv1_1.weight"].clone()
    (tmp_path / "a.pth").write_bytes(bytes((tmp_path / "a.pth").stat().st_size))
    assert torch.equal(weights["conv1_1.weight"], before)


SMALL = torch_file({"a": torch.zeros(2)})


@given(st.binary(max_size=200), st.integers(0, len(SMALL)), st.integers(0, len(SMALL)))
def test_damaged_files_raise_bad_weights_only(tmp_path_factory, content, start, end):
    path = tmp_path_factory.getbasetemp() / "damaged.pth"
    path.write_bytes(SMALL[:start] + content + SMALL[end:])
    try:
        load_tensors(path)
    except BadWeights as error:
        assert path.name in error.sentence


@given(st.binary(max_size=200))
def test_the_checks_of_any_bytes_end_with_an_exception_or_a_header(tmp_path_factory, content):
    path = tmp_path_factory.getbasetemp() / "any"
    path.write_bytes(content)
    for check in (check_pth, safetensors_header):
        try:
            check(path)
        except Exception as error:
            assert not isinstance(error, (MemoryError, RecursionError))
