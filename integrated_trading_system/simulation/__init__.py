"""The world in virtual time: simulated exchanges, the paper account, faults, replay."""
