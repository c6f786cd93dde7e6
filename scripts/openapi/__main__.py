"""`python -m scripts.openapi` (`make openapi`): writes shared/http/openapi.json, the file that the app serves."""

from pathlib import Path

from scripts.openapi.document import document

if __name__ == "__main__":
    (Path(__file__).parents[2] / "shared" / "http" / "openapi.json").write_bytes(document())
