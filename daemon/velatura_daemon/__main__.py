"""`python -m velatura_daemon`: the same as the command `velatura`."""

from velatura_daemon.cli.main import main

main()
