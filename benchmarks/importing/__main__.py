"""`python benchmarks/importing PART [OPTIONS]`: a benchmark of this folder, by its name."""

from __future__ import annotations

import runpy
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
PARTS = sorted(path.stem for path in HERE.glob("*.py") if "__main__" in path.read_text()[-200:])

if __name__ == "__main__":
    part = sys.argv[1] if len(sys.argv) > 1 else ""
    if part not in PARTS:
        sys.exit(f"a part is one of: {', '.join(PARTS)}")
    del sys.argv[1]
    runpy.run_path(str(HERE / f"{part}.py"), run_name="__main__")
