from __future__ import annotations

import os

# Textual reads both when it is imported.
for name in ("NO_COLOR", "TEXTUAL_THEME"):
    os.environ.pop(name, None)
