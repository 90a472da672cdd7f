"""What is other than meant on a live platform, who changed it, and the ways to go on (docs/drift.md)."""
