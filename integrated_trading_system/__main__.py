"""python -m integrated_trading_system --config prod.yaml."""

import sys

from integrated_trading_system.orchestrator.cli import main as run_command


def main() -> None:
    """Entry point of the program; exits with the documented codes."""
    sys.exit(run_command(sys.argv[1:]))


if __name__ == "__main__":
    main()
