"""``python -m geomreg_tui`` is the command ``geomreg-tui``."""

from geomreg_tui.cli import main

if __name__ == "__main__":
    main()
