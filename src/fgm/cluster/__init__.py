"""A cluster that is reached through the user's kubectl: its fgm pods, forwards to them, and commands that ask nodes."""
