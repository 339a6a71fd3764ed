"""`python -m qbot` is `qbot`."""

from qbot.cli import main

if __name__ == "__main__":
    main()
