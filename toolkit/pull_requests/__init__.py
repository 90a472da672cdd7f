"""What a job says on its pull request: one comment for each subject, updated and never repeated."""
