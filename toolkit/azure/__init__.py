"""Azure's clients as this product uses them: who acts (credentials), how (clients), and why it was refused (denial)."""
