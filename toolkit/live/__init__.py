"""The live platform: what is meant, what is there, and what of that differs. Smoke checks and drift share it."""
