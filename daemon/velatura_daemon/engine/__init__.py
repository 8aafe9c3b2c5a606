"""The method: content + style + settings → a picture, coarse to fine. Knows no sockets, queues or files of the
daemon."""
