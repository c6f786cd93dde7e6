"""Key Vault."""
