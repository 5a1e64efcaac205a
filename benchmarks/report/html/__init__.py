"""Reports of runs: one page that stands alone, and the same in a terminal."""
