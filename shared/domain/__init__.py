"""What is known and decided, without any service: values, the decision, the record. Imports no SDK."""
