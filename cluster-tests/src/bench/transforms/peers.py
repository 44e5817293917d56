"""DuckDB or Polars: a case of the bench of transformations, on one thread and in memory.

Usage: peers.py duckdb|polars CASE DIRECTORY COLUMNS CHECKED ROUNDS ROWS
"""
import json
import os
import sys
import time

os.environ["POLARS_MAX_THREADS"] = "1"

tool, case, directory, columns, checked, rounds, rows = sys.argv[1:]
columns, checked, rounds, rows = columns.split(","), checked.split(","), int(rounds), int(rows)
data, regions = f"{directory}/data.parquet", f"{directory}/regions.csv"
LINE = r"^(?<client>\S+) \[(?<day>[^\]]+)\] (?<status>\d+)$"

DUCKDB = {
    "filter": "SELECT * FROM t WHERE amount > 500.0 OR country IN ('DE', 'FR')",
    "filter-text": "SELECT * FROM t WHERE contains(email, '7@') AND country <> 'DE'",
    "filter-null": "SELECT * FROM t WHERE discount IS NOT NULL AND discount * amount < 100.0",
    "mapping": "SELECT id, country, {'email': email} AS contact, first_name || ' ' || last_name AS full_name, "
    "CAST(round(amount * 100.0) AS BIGINT) AS cents, amount * CAST(quantity AS DOUBLE) AS total FROM t",
    "mapping-text": "SELECT id, lower(email) AS email, country || '-' || CAST(quantity AS VARCHAR) AS label, "
    "CASE WHEN quantity > 50 THEN 'large' ELSE 'small' END AS size FROM t",
    "cast-number": "SELECT id, CAST(price AS DECIMAL(10, 2)) AS price, CAST(units AS BIGINT) AS units, "
    "CAST(ratio AS DOUBLE) AS ratio FROM t",
    "cast-time": "SELECT id, CAST(created AS TIMESTAMPTZ) AS created FROM t",
    "cast-text": "SELECT CAST(id AS VARCHAR) AS id, CAST(quantity AS VARCHAR) AS quantity FROM t",
    "mask": "SELECT id, left(email, 3) || repeat('*', length(email) - 3) AS email, '****' AS phone FROM t",
    "mask-redact": r"SELECT id, regexp_replace(comment, '\d{3}-\d{4}', '[REDACTED]', 'g') AS comment FROM t",
    "parse-regex": r"SELECT id, found.client AS client, found.day AS day, CAST(found.status AS BIGINT) AS status "
    r"FROM (SELECT id, regexp_extract(line, '^(\S+) \[([^\]]+)\] (\d+)$', ['client', 'day', 'status']) AS found FROM t)",
    "parse-json": "SELECT id, document ->> '$.page' AS page, CAST(document ->> '$.clicks' AS BIGINT) AS clicks FROM t",
    "flatten": "SELECT id, address.city AS address_city, address.zip AS address_zip FROM t",
    "explode": "SELECT id, country, unnest(tags) AS tags FROM t",
    "limit": f"SELECT * FROM t LIMIT {rows // 2}",
    "dedupe": "SELECT DISTINCT ON (customer) * FROM t",
    "route": "SELECT * FROM t WHERE NOT amount > 500.0 AND country IN ('DE', 'FR')",
    "validate": "SELECT * FROM t WHERE id IS NOT NULL AND id >= 1 AND length(email) <= 254 AND "
    "regexp_matches(email, '^[^@ ]+@[^@ ]+$') AND country IN (SELECT country FROM regions) AND "
    "amount >= 0.0 AND quantity <= 100",
    "script": "SELECT id, amount * quantity AS total FROM t WHERE quantity > 50",
    "enrich": "SELECT t.*, region, tax FROM t JOIN regions USING (country)",
    "sql": "SELECT id, lower(country) AS country, amount * quantity AS total FROM t WHERE amount > 500",
}


def duckdb_rounds():
    """A function that runs the case once and yields an Arrow table; None for a case without a query."""
    import duckdb

    if case not in DUCKDB:
        return None
    connection = duckdb.connect()
    connection.execute("SET threads = 1; SET TimeZone = 'UTC'")
    connection.execute(f"CREATE TABLE t AS SELECT {', '.join(columns)} FROM read_parquet('{data}')")
    connection.execute(f"CREATE TABLE regions AS FROM read_csv('{regions}')")
    return lambda: connection.sql(DUCKDB[case]).to_arrow_table()


def polars_rounds():
    """A function that runs the case once and yields a data frame; None for a case without an expression."""
    import polars as pl

    col, lit = pl.col, pl.lit
    frame, table = pl.read_parquet(data, columns=columns).rechunk().lazy(), pl.read_csv(regions).lazy()
    cases = {
        "filter": lambda: frame.filter((col("amount") > 500.0) | col("country").is_in(["DE", "FR"])),
        "filter-text": lambda: frame.filter(
            col("email").str.contains("7@", literal=True) & (col("country") != "DE")
        ),
        "filter-null": lambda: frame.filter(
            col("discount").is_not_null() & (col("discount") * col("amount") < 100.0)
        ),
        "mapping": lambda: frame.select(
            "id",
            "country",
            pl.struct("email").alias("contact"),
            full_name=col("first_name") + " " + col("last_name"),
            cents=(col("amount") * 100.0).round().cast(pl.Int64),
            total=col("amount") * col("quantity").cast(pl.Float64),
        ),
        "mapping-text": lambda: frame.select(
            "id",
            email=col("email").str.to_lowercase(),
            label=col("country") + "-" + col("quantity").cast(pl.String),
            size=pl.when(col("quantity") > 50).then(lit("large")).otherwise(lit("small")),
        ),
        "cast-number": lambda: frame.with_columns(
            col("price").cast(pl.Decimal(10, 2)), col("units").cast(pl.Int64), col("ratio").cast(pl.Float64)
        ),
        "cast-time": lambda: frame.with_columns(
            col("created").str.to_datetime("%Y-%m-%dT%H:%M:%SZ", time_unit="us", time_zone="UTC")
        ),
        "cast-text": lambda: frame.select(col("id").cast(pl.String), col("quantity").cast(pl.String)),
        "mask": lambda: frame.with_columns(
            col("email").str.slice(0, 3).str.pad_end(col("email").str.len_chars(), "*"), phone=lit("****")
        ),
        "mask-redact": lambda: frame.with_columns(
            col("comment").str.replace_all(r"\d{3}-\d{4}", "[REDACTED]")
        ),
        "parse-regex": lambda: frame.select("id", found=col("line").str.extract_groups(LINE))
        .unnest("found")
        .with_columns(col("status").cast(pl.Int64)),
        "parse-json": lambda: frame.select(
            "id", found=col("document").str.json_decode(pl.Struct({"page": pl.String, "clicks": pl.Int64}))
        ).unnest("found"),
        "flatten": lambda: frame.select(
            "id",
            address_city=col("address").struct.field("city"),
            address_zip=col("address").struct.field("zip"),
        ),
        "explode": lambda: frame.explode("tags"),
        "limit": lambda: frame.head(rows // 2),
        "dedupe": lambda: frame.unique(subset=["customer"], keep="first", maintain_order=True),
        "route": lambda: frame.filter(~(col("amount") > 500.0) & col("country").is_in(["DE", "FR"])),
        "validate": lambda: frame.filter(
            col("id").is_not_null()
            & (col("id") >= 1)
            & (col("email").str.len_chars() <= 254)
            & col("email").str.contains("^[^@ ]+@[^@ ]+$")
            & col("country").is_in(table.collect()["country"].to_list())
            & (col("amount") >= 0.0)
            & (col("quantity") <= 100)
        ),
        "script": lambda: frame.filter(col("quantity") > 50).select(
            "id", total=col("amount") * col("quantity")
        ),
        "enrich": lambda: frame.join(table, on="country", how="inner", maintain_order="left"),
        "sql": lambda: frame.filter(col("amount") > 500).select(
            "id", col("country").str.to_lowercase(), total=col("amount") * col("quantity")
        ),
    }
    return (lambda: cases[case]().collect()) if case in cases else None


def checksum(column):
    """The sum of numbers, of times in microseconds, or of the bytes of texts."""
    import pyarrow as pa
    import pyarrow.compute as pc

    kind = column.type
    if pa.types.is_timestamp(kind):
        column = column.cast(pa.timestamp("us", kind.tz)).cast(pa.int64())
    elif not (pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind)):
        column = pc.binary_length(column.cast(pa.large_string()))
    return pc.sum(column.cast(pa.float64())).as_py() or 0.0


once = duckdb_rounds() if tool == "duckdb" else polars_rounds()
told = {"seconds": [], "rows": 0, "sums": []}
if once is not None:
    # The first round is not counted; it shows whether the same work is done.
    result = once()
    result = result if tool == "duckdb" else result.to_arrow()
    told["rows"] = result.num_rows
    told["sums"] = [checksum(result[name]) for name in checked]
    for _ in range(rounds):
        result = None
        started = time.perf_counter()
        result = once()
        told["seconds"].append(time.perf_counter() - started)
print(json.dumps(told))
