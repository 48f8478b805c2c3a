"""``python -m geomreg_tui`` is the command ``geomreg-tui``."""

from geomreg_tui.safe_path import leave_working_directory

if __name__ == "__main__":
    leave_working_directory(first=True)
    from geomreg_tui.cli import main

    main()
