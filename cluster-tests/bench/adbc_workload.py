"""ADBC with PyArrow: a workload of the benchmark.

Usage: adbc_workload.py w3 CSV URL | w4 URL PARQUET | w5 URL URL | w6 URL PARQUET | w7 CSV URL

The driver writes neither numeric nor jsonb, so rows go to a temporary table by binary COPY and from there on.
"""
import os
import sys

import adbc_driver_postgresql.dbapi as adbc
import pyarrow.csv
import pyarrow.parquet

COLUMNS = ["first_name", "last_name", "email", "country", "amount", "created_at", "active", "attributes"]
CAST = "id, first_name, last_name, email, country, amount::numeric(12,2), created_at, active, attributes::jsonb"
workload, source, target = sys.argv[1:]


def ingest(reader, statement):
    with adbc.connect(target) as connection, connection.cursor() as cursor:
        cursor.adbc_ingest("staged", reader, mode="create", temporary=True)
        cursor.execute(statement)
        connection.commit()


def csv():
    return pyarrow.csv.open_csv(source, read_options=pyarrow.csv.ReadOptions(block_size=8 << 20))


if workload == "w3":
    ingest(csv(), f"INSERT INTO users_w3 SELECT {CAST} FROM staged")
elif workload == "w7":
    update = ", ".join(f"{name} = excluded.{name}" for name in COLUMNS)
    ingest(csv(), f"INSERT INTO users_w7 SELECT {CAST} FROM staged ON CONFLICT (id) DO UPDATE SET {update}")
elif workload == "w5":
    query = """SELECT id, first_name, last_name, email, country, amount::text AS amount, created_at, active,
               attributes::text AS attributes FROM users"""
    with adbc.connect(source) as connection, connection.cursor() as cursor:
        cursor.execute(query)
        ingest(cursor.fetch_record_batch(), f"INSERT INTO users2 SELECT {CAST} FROM staged")
else:
    query = "SELECT id, v, ts FROM narrow"
    if workload == "w4":
        query = """SELECT id, first_name, last_name, email, country, amount::float8 AS amount, created_at, active,
                   attributes::text AS attributes FROM users"""
    with adbc.connect(source) as connection, connection.cursor() as cursor:
        cursor.execute(query)
        reader = cursor.fetch_record_batch()
        with pyarrow.parquet.ParquetWriter(target, reader.schema, compression="snappy") as writer:
            for batch in reader:
                writer.write_batch(batch)
    with open(target, "rb+") as file:
        os.fsync(file.fileno())
