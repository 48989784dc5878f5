#pragma once

#include <lapidary/io/json.hpp>
#include <lapidary/nn/decoder.hpp>

#include <string>
#include <vector>

namespace lapidary {

/// A tensor of a Hugging Face checkpoint and the rows of a leaf that hold it. Fused leaves (queries, keys and values;
/// gate and up) are several tensors there, stacked by rows here.
struct HuggingFaceTensor {
    std::string name;
    std::string leaf;
    Index first_row = 0;
    std::vector<Index> shape;
};

/// How a family is written in Hugging Face directories; specialised for the `Options` of each family's decoder:
/// - `Json config(options)`: what config.json says;
/// - `Options parse(json, where)`: the reverse, refusing values the family cannot have;
/// - `std::vector<HuggingFaceTensor> tensors(options)`: every tensor, in the order of the layout;
/// - `bool ignored(name)`: tensors of old files that hold no parameter.
template <class Options>
struct HuggingFaceFamily;

}  // namespace lapidary
