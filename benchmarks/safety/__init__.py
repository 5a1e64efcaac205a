"""What keeps runs whole: signals, one writer a folder; and judging while a server fails."""
