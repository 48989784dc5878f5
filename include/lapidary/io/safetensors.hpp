#pragma once

#include <lapidary/io/dtype.hpp>               // DType, dtype_of
#include <lapidary/io/safetensors_reader.hpp>  // SafetensorsReader, TensorInfo
#include <lapidary/io/safetensors_writer.hpp>  // SafetensorsWriter, TensorSpec
