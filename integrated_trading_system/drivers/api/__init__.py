"""What people and machines may ask over HTTP: health, metrics, the latest data. Nothing here can change anything."""
