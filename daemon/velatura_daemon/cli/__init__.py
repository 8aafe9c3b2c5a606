"""The command line: one small file a command. Talks to the daemon like the editors do."""
