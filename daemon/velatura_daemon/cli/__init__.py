"""The command line, with one module per command. It talks to the daemon over the same protocol as the editor
plugins."""
