"""A factory as its users care for it: what is wrong with its definitions, what runs, and what is published."""
