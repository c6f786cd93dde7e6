"""One resource at an address of its own, without a path.

SDKs put `api/hubs` right behind the endpoint's host. In Azure a resource has a host name; here all share one port, each
under a path. This is the same service behind a port that belongs to one resource.
"""

from dataclasses import replace

from local.azure.call import Call, Operation, Service


class AtRoot:
    """The data plane of one resource."""

    name = "signalr"

    def __init__(self, service: Service, resource: str) -> None:
        self._service = service
        self._resource = resource

    def match(self, call: Call) -> Operation:
        """The operation of the named resource. It acts on the call as it came: that is what the audience names."""
        return self._service.match(replace(call, path=f"/{self._resource}{call.path}"))
