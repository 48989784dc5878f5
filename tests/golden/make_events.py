#!/usr/bin/env python3
"""Writes tests/analysis/data/events.tfevents: a few events as TensorBoard's own writer and messages lay them out.

    python3 -m venv venv && venv/bin/pip install -r tests/golden/requirements_tensorboard.txt
    venv/bin/python tests/golden/make_events.py           # writes the file
    venv/bin/python tests/golden/make_events.py FILE...   # by hand: reads event files as TensorBoard does, and prints them

Own data, under the licence of this repository; tests/analysis/events.cpp writes the same events and compares bytes.
"""

import pathlib
import sys

from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.compat.proto import event_pb2, summary_pb2, tensor_pb2, tensor_shape_pb2, types_pb2
from tensorboard.summary.writer.record_writer import RecordWriter

FILE = pathlib.Path(__file__).resolve().parent.parent / "analysis" / "data" / "events.tfevents"


def scalars(step, seconds, values):
    summary = summary_pb2.Summary(value=[summary_pb2.Summary.Value(tag=tag, simple_value=value) for tag, value in values])
    return event_pb2.Event(wall_time=seconds, step=step, summary=summary)


def text(step, seconds, tag, value):
    shape = tensor_shape_pb2.TensorShapeProto(dim=[tensor_shape_pb2.TensorShapeProto.Dim(size=1)])
    tensor = tensor_pb2.TensorProto(dtype=types_pb2.DT_STRING, tensor_shape=shape, string_val=[value.encode()])
    metadata = summary_pb2.SummaryMetadata(plugin_data=summary_pb2.SummaryMetadata.PluginData(plugin_name="text"))
    value = summary_pb2.Summary.Value(tag=tag, tensor=tensor, metadata=metadata)
    return event_pb2.Event(wall_time=seconds, step=step, summary=summary_pb2.Summary(value=[value]))


EVENTS = [
    event_pb2.Event(file_version="brain.Event:2"),
    scalars(0, 0.0, [("train/loss", 10.5), ("train/learning_rate", 0.0)]),
    scalars(1, 0.25, [("train/loss", 9.123456789), ("train/learning_rate", 3e-4)]),
    scalars(274320, 1e6, [("valid/loss", float("nan"))]),
    text(300, 1.5, "samples/0", "    Once upon a time – “naïve” \u2028 " + "long " * 40),
]  # fmt: skip


def write():
    FILE.parent.mkdir(exist_ok=True)
    with open(FILE, "wb") as file:
        writer = RecordWriter(file)
        for event in EVENTS:
            writer.write(event.SerializeToString(deterministic=True))
        writer.flush()
    print(f"{FILE}: {FILE.stat().st_size} bytes")


def show(path):
    events = EventAccumulator(path, size_guidance={"scalars": 0, "tensors": 0})
    events.Reload()
    for tag in events.Tags()["scalars"]:
        points = events.Scalars(tag)
        print(f"{tag}: {len(points)} points, from {points[0]} to {points[-1]}")
    for tag in events.Tags()["tensors"]:
        points = events.Tensors(tag)
        print(f"{tag}: {len(points)} texts, the last {points[-1].tensor_proto.string_val[0].decode()!r}")


if __name__ == "__main__":
    for path in sys.argv[1:]:
        show(path)
    if len(sys.argv) == 1:
        write()
