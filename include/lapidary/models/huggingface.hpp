#pragma once

#include <lapidary/core/parameters.hpp>
#include <lapidary/models/config_fields.hpp>
#include <lapidary/models/training_recipe.hpp>

#include <algorithm>
#include <concepts>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace lapidary {

/// Consecutive rows of a leaf. A leaf of rank 1 has rows of one element.
struct LeafRows {
    Index first = 0;
    Index count = 0;
};

/// A tensor of a Hugging Face checkpoint and the leaf that holds it: fused leaves (queries, keys and values; gate
/// and up) may be several tensors there, and a fused tensor may have its rows in another order.
struct HuggingFaceTensor {
    std::string name;
    std::string leaf;
    std::vector<LeafRows> rows;  ///< of the leaf, in the order of the tensor's own
    Index columns = 1;
    int rank = 2;             ///< 1: the tensor is [rows], else [rows, columns]
    bool transposed = false;  ///< the file has [columns, rows]

    [[nodiscard]] Index row_count() const {
        Index count = 0;
        for (const LeafRows& part : rows) count += part.count;
        return count;
    }
    /// As the file has it.
    [[nodiscard]] std::vector<Index> shape() const {
        if (rank == 1) return {row_count()};
        if (transposed) return {columns, row_count()};
        return {row_count(), columns};
    }
};

/// What a family's config struct must have to be read from and written to Hugging Face directories:
/// - `fields(f)`: the keys of config.json (models/config_fields.hpp);
/// - `tensors()`: every tensor that is a parameter.
/// Programs also ask it for `Block`, `Model`, `family`, `presets()`, `fit(vocabulary, context)`, `recipe()` and
/// `reads(json)`: models/gptj.hpp shows all of it.
/// Other tensors of a file are refused unless `ignores(name)` knows them: buffers of old files, copies of tied
/// matrices.
template <class Config>
concept HuggingFaceConfig =
    requires(Config& config, const Config& constant, ConfigChecker& checker, const std::string& name) {
        config.fields(checker);
        { constant.tensors() } -> std::same_as<std::vector<HuggingFaceTensor>>;
        { Config::ignores(name) } -> std::same_as<bool>;
    };

/// Named sizes of a family.
template <class Config>
using Presets = std::vector<std::pair<std::string, Config>>;

/// Whether a config.json is for one of these model types.
inline bool names_model_type(const Json& json, std::initializer_list<std::string_view> types) {
    if (!json.is_object() || !json.contains("model_type")) return false;
    return std::any_of(types.begin(), types.end(),
                       [&](std::string_view type) { return json["model_type"] == type; });
}

/// Reads a config. `where`: the file, for messages. Throws as ConfigReader does.
template <HuggingFaceConfig Config>
Config parse_config(const Json& json, const std::string& where) {
    ConfigReader reader(json, where);
    reader.check_object();
    (void)get<std::string>(json, "model_type", where);  // without it any object would be some model
    Config config;
    config.fields(reader);
    return config;
}

/// What config.json says.
template <HuggingFaceConfig Config>
Json config_json(Config config) {
    ConfigWriter writer;
    config.fields(writer);
    return writer.json();
}

/// Throws Error(value) naming the first field that is out of its range, and its value.
template <HuggingFaceConfig Config>
void check_config(Config config) {
    ConfigChecker checker;
    config.fields(checker);
}

/// Builds the list of a family's tensors.
class TensorList {
public:
    /// A [rows, columns] tensor that is the leaf.
    void matrix(std::string name, std::string leaf, Index rows, Index columns) {
        list_.push_back({std::move(name), std::move(leaf), {{0, rows}}, columns});
    }
    /// A norm's gain and, if there is one, its bias: `<there>.weight`, `<there>.bias`.
    void norm(const std::string& there, const std::string& here, Index width, bool bias) {
        list_.push_back({there + ".weight", here + ".gain", {{0, width}}, 1, 1});
        if (bias) list_.push_back({there + ".bias", here + ".bias", {{0, width}}, 1, 1});
    }
    /// A product's matrix and, if there is one, its bias, of which the tensors are some rows: `<there>.weight`,
    /// `<there>.bias`.
    void linear(const std::string& there, const std::string& here, const std::vector<LeafRows>& rows,
                Index columns, bool bias, bool transposed = false) {
        list_.push_back({there + ".weight", here, rows, columns, 2, transposed});
        if (bias) list_.push_back({there + ".bias", here + ".bias", rows, 1, 1});
    }
    void linear(const std::string& there, const std::string& here, Index rows, Index columns, bool bias,
                bool transposed = false) {
        linear(there, here, {{0, rows}}, columns, bias, transposed);
    }
    /// The head: its matrix unless that is the embedding's, and its bias if there is one.
    void head(const std::string& there, Index rows, Index columns, bool tied, bool bias) {
        if (!tied) matrix(there + ".weight", "head", rows, columns);
        if (bias) list_.push_back({there + ".bias", "head.bias", {{0, rows}}, 1, 1});
    }

    [[nodiscard]] std::vector<HuggingFaceTensor> take() { return std::move(list_); }

private:
    std::vector<HuggingFaceTensor> list_;
};

/// The rows of a fused leaf [all queries; all keys; all values] in the order of files that put together what
/// belongs to a key-value head: its queries, its key, its value (GPT-NeoX, Falcon).
inline std::vector<LeafRows> rows_by_group(Index heads, Index kv_heads, Index head_size) {
    std::vector<LeafRows> rows;
    const Index group = heads / kv_heads * head_size, queries = heads * head_size, keys = kv_heads * head_size;
    for (Index i = 0; i < kv_heads; ++i) {
        rows.push_back({i * group, group});
        rows.push_back({queries + i * head_size, head_size});
        rows.push_back({queries + keys + i * head_size, head_size});
    }
    return rows;
}

/// What the names of the leaves of block i begin with.
inline std::string block_name(Index i) { return "blocks." + std::to_string(i) + "."; }

namespace detail {

template <class Fields>
void epsilon_rule(Fields& f, const std::string& key, double value) {
    f.rule(value > 0 && value < 1, key, value, "be in (0, 1)");
}
template <class Fields>
void epsilon_field(Fields& f, const std::string& key, double& value) {
    f.number(key, value);
    epsilon_rule(f, key, value);
}
template <class Fields>
void deviation_field(Fields& f, const std::string& key, double& value) {
    f.number_or(key, value);
    f.rule(value >= 0 && value <= 1e6, key, value, "be in [0, 1e6]");
}

/// The base of rotary angles: `key` in older files, in `rope_parameters` since transformers 5, which are written
/// too.
template <class Fields>
void theta_field(Fields& f, const std::string& key, double& value) {
    f.number_or(key, value);
    f.inside("rope_parameters", [&](auto& g) {
        g.constant("rope_type", "default");
        g.number_or("rope_theta", value);
    });
    f.constant("rope_scaling", nullptr);
    f.rule(value >= 1 && value <= 1e38, key, value, "be in [1, 1e38]");
}

/// Sizes every family has.
inline constexpr Index most_width = Index{1} << 20, most_inner = Index{1} << 22, most_layers = 4096;
inline constexpr Index most_context = Index{1} << 24, most_vocabulary = Index{1} << 30;

template <class Fields>
void divides_rule(Fields& f, const std::string& key, Index value, const std::string& whole, Index size) {
    f.rule(value >= 1 && size % value == 0, key, value, "divide " + whole + ", " + std::to_string(size));
}
template <class Fields>
void even_rule(Fields& f, const std::string& key, Index value) {
    f.rule(value >= 2 && value % 2 == 0, key, value, "be even for rotary embeddings");
}

}  // namespace detail

}  // namespace lapidary
