"""The figures of `explain` match the paper, and suit the daemon and file names."""

from __future__ import annotations

import re
from itertools import groupby

import pytest

from velatura.figures.explain import CONTENT_LAYERS, STYLE_LAYERS, Figure, figures
from velatura.settings import StyleSettings


def of(group: str) -> list[Figure]:
    return [figure for figure in figures() if figure.group == group]


def test_the_groups_are_in_the_order_of_the_sheet():
    assert [group for group, _ in groupby(figures(), key=lambda figure: figure.group)] == ["Content", "Style", "Table"]


def test_content_is_reconstructed_from_one_layer_per_block():
    settings = [(figure.settings.reconstruct, figure.settings.content_layer) for figure in of("Content")]
    assert settings == [("content", layer) for layer in ("conv1_2", "conv2_2", "conv3_2", "conv4_2", "conv5_2")]
    assert tuple(figure.column for figure in of("Content")) == CONTENT_LAYERS


def test_style_is_reconstructed_from_one_to_five_layers():
    assert [(f.settings.reconstruct, f.settings.style_depth) for f in of("Style")] == [
        ("style", n) for n in range(1, 6)
    ]
    assert [layer in figure.column for figure, layer in zip(of("Style"), STYLE_LAYERS, strict=True)] == [True] * 5


def test_the_table_has_one_row_per_depth_and_more_content_from_left_to_right():
    rows = [list(row) for _, row in groupby(of("Table"), key=lambda figure: figure.row)]
    assert [{figure.settings.style_depth for figure in row} for row in rows] == [{1}, {2}, {3}, {4}, {5}]
    for row in rows:
        assert [figure.column for figure in row] == [figure.column for figure in rows[0]]
        assert [figure.settings.balance for figure in row] == [-5, -4, -3, -2]
        assert {figure.settings.reconstruct for figure in row} == {"both"}


def test_names_are_unique_and_suitable_for_files():
    names = [figure.name for figure in figures()]
    assert len(set(names)) == len(names)
    assert all(re.fullmatch(r"[a-z0-9_-]+", name) for name in names)


def test_all_figures_have_the_quality_of_the_paper():
    assert {figure.settings.quality for figure in figures()} == {"paper"}


@pytest.mark.parametrize("figure", figures(), ids=lambda figure: figure.name)
def test_each_figure_starts_from_noise_and_its_settings_survive_the_wire(figure):
    assert figure.settings.start == "noise"
    assert StyleSettings.from_wire(figure.settings.to_wire()) == figure.settings
