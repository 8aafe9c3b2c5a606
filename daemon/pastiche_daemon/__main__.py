"""`python -m pastiche_daemon`: the same as the command `pastiche`."""

from pastiche_daemon.cli.main import main

main()
