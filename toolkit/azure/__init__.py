"""Azure's clients as this product uses them: who acts (credentials), how (clients), and why it was refused (denial)."""

import logging

# azure-identity logs each failed attempt as a warning, which Python prints where nobody listens. What failed is told
# once, as a ToolkitError: https://docs.python.org/3/howto/logging.html#configuring-logging-for-a-library
logging.getLogger("azure").addHandler(logging.NullHandler())
