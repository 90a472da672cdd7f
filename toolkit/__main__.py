"""``python -m toolkit``: the same as the ``toolkit`` script."""

import sys

from toolkit.cli.main import main

sys.exit(main())
