"""Where work is done. Local: a worker process that owns the device."""
