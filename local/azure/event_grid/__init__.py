"""Event Grid: a custom topic, its subscriptions, the events that Azure itself raises."""
