"""Style transfer by optimisation (Gatys, Ecker and Bethge 2015): content, styles and settings become an image.

Start reading at `stylise.py`. The engine has no sockets, job queues or files.
"""
