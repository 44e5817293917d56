"""connectorx with Polars: a workload of the benchmark. Usage: connectorx_workload.py w4|w6 URL PARQUET"""
import os
import sys

import polars as pl

workload, source, target = sys.argv[1:]
query = "SELECT id, v, ts FROM narrow"
if workload == "w4":
    query = "SELECT id, first_name, last_name, email, country, amount, created_at, active, attributes FROM users"
# Two queries at once.
frame = pl.read_database_uri(query, source, engine="connectorx", partition_on="id", partition_num=2)
frame.write_parquet(target, compression="snappy")
with open(target, "rb+") as file:
    os.fsync(file.fileno())
