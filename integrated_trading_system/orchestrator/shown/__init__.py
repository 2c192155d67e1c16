"""What people are shown of a run: screen, HTTP status, summary, report. Nothing here decides anything."""
