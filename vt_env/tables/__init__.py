"""Tables of files that may be hostile: read in place, within limits, as rows of plain values."""
