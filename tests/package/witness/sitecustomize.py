"""Has an interpreter write down, when it ends, which module it loaded from where.

Python imports a module of this name at its start if it finds one: the app and its host are run as they are.
"""

import atexit
import json
import os
import sys
from pathlib import Path


def _write() -> None:
    files = {name: getattr(module, "__file__", None) for name, module in sys.modules.items()}
    Path(os.environ["WITNESS"]).write_text(json.dumps({name: file for name, file in files.items() if file}))


# The library that moves the host's clock imports pytest where it finds it. It is not to be found here.
sys.modules["pytest"] = None  # Python's own way to say so

if "WITNESS" in os.environ:
    atexit.register(_write)
