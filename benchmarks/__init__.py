"""What the project measures; each module is a command that prints its figures."""
