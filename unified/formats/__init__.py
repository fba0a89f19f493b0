"""How dates and times are written, where we differ from Django: short months, and the day first unless in America."""
