"""What each venue of the catalog says, by its name."""
