"""Style transfer by optimisation (Gatys, Ecker and Bethge 2015): content, styles and settings become an image, coarse
to fine. Start reading at `stylise.py`. The engine knows no sockets, job queues or files."""
