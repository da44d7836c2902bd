"""``python -m sdjp`` is the command ``sdjp``."""

import sys

from sdjp.cli import main

sys.exit(main())
