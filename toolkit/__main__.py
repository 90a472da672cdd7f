"""``python -m toolkit``: the same as the ``toolkit`` script."""

import sys

from aml_adf_toolkit import main

sys.exit(main())
