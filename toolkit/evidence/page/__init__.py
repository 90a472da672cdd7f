"""A run as one self-contained HTML page: verdict, a picture of what was measured, and every check.

It needs no script, font or image from anywhere, and its policy (CSP) lets none in. Everything that a service or a
person wrote is escaped by the templates.
"""

from toolkit.evidence.page.render import as_html

__all__ = ["as_html"]
