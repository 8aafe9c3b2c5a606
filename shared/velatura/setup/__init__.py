"""Sets up the daemon without a package manager: finds a Python, makes an environment, installs the wheel that a plugin
carries. The editors' windows and `velatura setup` run the same steps. Standard library only."""
