"""Where the tests find the project's own files and the folder of real data."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[2]
GOLDEN_FOLDER: Final = ROOT / "tests" / "golden"
DATA: Final = Path(os.environ.get("HARNESS_DATA_DIR") or ROOT.parent / "shared" / "data")
"""Real data: HARNESS_DATA_DIR as the tests found it, else the folder beside the checkout."""
