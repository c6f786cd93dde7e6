"""One service each: ARM, SignalR's data plane, Key Vault, Event Grid, blobs and queues."""
