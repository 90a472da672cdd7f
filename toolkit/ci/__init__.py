"""What a run says to the CI system that it runs in, and what that says of the run."""
