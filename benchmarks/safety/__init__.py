"""What keeps runs whole: signals, one writer a folder, files that are whole."""
