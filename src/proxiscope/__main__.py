"""``python -m proxiscope`` is the command ``proxiscope``."""

import sys

from .cli import main

sys.exit(main())
