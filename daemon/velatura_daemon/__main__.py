"""`python -m velatura_daemon` runs the `velatura` command."""

from velatura_daemon.cli.main import main

main()
