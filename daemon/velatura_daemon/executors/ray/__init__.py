"""Runs jobs on a Ray cluster: one actor per device, which keeps a worker loaded.


Ray places, restarts and scales actors.

`workers` runs in the daemon and never imports Ray: Ray is large, and a lost cluster must not end the daemon.
`driver` is a separate process on the same machine, Ray's client. It has an `actor_handle` per executor, with two
threads: `command_sender` and `event_listener`. `actor` runs on a node of the cluster.
"""
