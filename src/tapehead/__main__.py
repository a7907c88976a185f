"""``python -m tapehead``: the same as ``tapehead``."""

import sys

from .cli import main

if __name__ == "__main__":
    sys.exit(main())
