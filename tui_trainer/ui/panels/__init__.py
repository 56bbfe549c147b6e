"""The panels of the dashboard, one a file; a panel's name on screen is its file's name."""
