"""Writes tests/data/data/rows.parquet: python3 make_parquet.py, with pyarrow 26.0.1."""

import pathlib

import pyarrow as pa
import pyarrow.parquet as pq

OUT = pathlib.Path(__file__).resolve().parents[1] / "data" / "data" / "rows.parquet"

rows = {
    "id": [1, 2, 3, 4],
    "meta": [{"a": "x", "b": 1}] * 4,  # a nested column before the one wanted
    "content": ['def f():\n    return "a"\n', "zwei: \u00f6\u4e16", None, "last"],
    "label": pa.array(["p", "q", "r", None], pa.large_string()),
}
pq.write_table(pa.table(rows), OUT, compression="snappy", row_group_size=3)
