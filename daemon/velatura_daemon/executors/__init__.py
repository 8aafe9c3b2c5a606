"""Who does the work: worker processes of this machine, another daemon, or a Ray cluster."""
