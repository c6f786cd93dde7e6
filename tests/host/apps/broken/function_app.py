"""An app whose import fails: the host must say why."""

raise ValueError("no such flux capacitor")
