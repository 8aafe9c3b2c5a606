"""Work for a Ray cluster: an actor a device, that holds a worker warm. Placing, starting anew and scaling are Ray's;
none of it is here.

`hands` is the front's side, which never imports Ray: it is light, and a cluster that is lost must not take it along.
`driver` is a process of its own on the same machine, Ray's client. `actor` runs on a node of the cluster.
"""
