"""Runs jobs on a Ray cluster: one actor per device, which keeps a worker loaded. Placing, restarting and scaling actors
is Ray's part.

`workers` is the daemon's side and never imports Ray: it is light, and a lost cluster must not take the daemon along.
`driver` is a separate process on the same machine, Ray's client. `actor` runs on a node of the cluster.
"""
