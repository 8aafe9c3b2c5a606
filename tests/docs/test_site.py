"""The parts of the site that are ours. `make docs` builds the whole of it."""

from __future__ import annotations

import importlib.util
from types import ModuleType

import pytest

from tests.support.markdown import ROOT, code_blocks


def module(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, ROOT / "docs" / "site" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    loaded = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(loaded)
    return loaded


@pytest.mark.parametrize(
    "text",
    [
        '<script src="https://cdn.example.org/a.js"></script>',
        "<img alt='a' src='//example.org/a.png'>",
        '<link rel="stylesheet" type="text/css" href="https://fonts.example.org/css">',
        '<link href="https://example.org" rel="preconnect">',
        "@import 'https://example.org/a.css';",
        "body { background: url(https://example.org/a.png) }",
    ],
)
def test_what_a_page_would_fetch_from_elsewhere_is_found(text: str):
    assert module("resources").fetched(text)


@pytest.mark.parametrize(
    "text",
    [
        '<a href="https://example.org">elsewhere</a>',
        '<script src="_static/a.js"></script>',
        '<link rel="stylesheet" href="_static/a.css">',
        "body { background: url(data:image/png;base64,//8=) }",
    ],
)
def test_links_and_resources_of_the_site_itself_are_no_finding(text: str):
    assert module("resources").fetched(text) == []


@pytest.mark.parametrize("page", ["architecture.md", "protocol.md"])
def test_the_diagram_of_a_restyle_shows_every_participant_and_message(page: str):
    (diagram,) = [block for block in code_blocks(ROOT / "docs" / page) if block.kind == "mermaid"]
    svg = module("sequence_diagram").svg(diagram.text)
    lines = diagram.text.strip().split("\n")[1:]
    assert svg.count("<rect") == sum("participant" in line for line in lines)
    assert svg.count("marker-end") == sum(">>" in line for line in lines)


def test_a_diagram_that_cannot_be_drawn_is_refused():
    with pytest.raises(ValueError, match="loop"):
        module("sequence_diagram").svg("sequenceDiagram\n participant A as B\n loop forever")
