"""SignalR Service: the resources, their keys, and the data plane."""
