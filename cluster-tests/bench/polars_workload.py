"""Polars: a workload of the benchmark, file to file. Usage: polars_workload.py w1|w2 INPUT OUTPUT"""
import os
import sys

import polars as pl

workload, source, target = sys.argv[1:]
if workload == "w1":
    pl.scan_csv(source).sink_ndjson(target)
else:
    (
        pl.scan_ndjson(source)
        .filter((pl.col("country") == "DE") | (pl.col("amount") > 500))
        .with_columns(
            full_name=pl.col("first_name") + " " + pl.col("last_name"),
            amount_cents=(pl.col("amount") * 100).round().cast(pl.Int64),
        )
        .drop("attributes")
        .sink_ndjson(target)
    )
with open(target, "rb+") as file:
    os.fsync(file.fileno())
