"""``python -m sdjp.cli``."""

import sys

from sdjp.cli import main

if __name__ == "__main__":
    sys.exit(main())
