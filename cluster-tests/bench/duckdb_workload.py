"""DuckDB: a workload of the benchmark, file to file. Usage: duckdb_workload.py w1|w2 INPUT OUTPUT"""
import os
import sys

import duckdb

workload, source, target = sys.argv[1:]
connection = duckdb.connect()
if workload == "w1":
    query = f"SELECT * FROM read_csv('{source}')"
else:
    query = f"""
        SELECT * EXCLUDE (attributes), first_name || ' ' || last_name AS full_name,
               CAST(round(amount * 100) AS BIGINT) AS amount_cents
        FROM read_json('{source}', format = 'newline_delimited', columns = {{
            id: 'BIGINT', first_name: 'VARCHAR', last_name: 'VARCHAR', email: 'VARCHAR', country: 'VARCHAR',
            amount: 'DOUBLE', created_at: 'VARCHAR', active: 'BOOLEAN', attributes: 'JSON' }})
        WHERE country = 'DE' OR amount > 500"""
connection.execute(f"COPY ({query}) TO '{target}' (FORMAT json)")
with open(target, "rb+") as file:
    os.fsync(file.fileno())
