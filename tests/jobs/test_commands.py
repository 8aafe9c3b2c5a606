"""The commands that a worker receives."""

from __future__ import annotations

from dataclasses import fields

from velatura_daemon.jobs.commands import WorkerOptions


def test_the_options_of_a_worker_survive_the_way_to_a_node():
    """An actor of a farm starts its worker with a configuration of its own, which gives the worker options again."""
    options = WorkerOptions("cuda:1", 3, 512, 64, 256, 0.5, 2.5, 7.0)
    defaults = WorkerOptions.of(WorkerOptions("auto", 0, 0, 1024, 512, 0.0, 5.0).to_config())
    assert all(getattr(options, field.name) != getattr(defaults, field.name) for field in fields(options))
    assert WorkerOptions.of(options.to_config()) == options
