"""The benchmarks, one file each: `measure(bench)` yields lines of the table."""
