"""python -m integrated_trading_system --config prod.yaml."""

import sys


def main() -> None:
    """Entry point of the program; exits with the documented codes."""
    try:
        from integrated_trading_system.orchestrator.commands.cli import main as run_command
    except KeyboardInterrupt:  # while everything is imported: nothing was begun
        sys.exit(0)
    sys.exit(run_command(sys.argv[1:]))


if __name__ == "__main__":
    main()
