"""What people look at: tables on a terminal, plots, contact sheets."""
