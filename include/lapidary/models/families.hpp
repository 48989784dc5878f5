#pragma once

#include <lapidary/models/amber.hpp>
#include <lapidary/models/crystalcoder.hpp>
#include <lapidary/models/falcon.hpp>
#include <lapidary/models/gptj.hpp>
#include <lapidary/models/llama.hpp>
#include <lapidary/models/mistral.hpp>
#include <lapidary/models/mpt.hpp>
#include <lapidary/models/peft_config.hpp>
#include <lapidary/models/pythia.hpp>
#include <lapidary/models/redpajama.hpp>

#include <filesystem>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>

namespace lapidary {

/// The families there are. Which one a file is for is known when the program runs, which code runs for it when it
/// is compiled: `visit_config` leads from the one to the other.
using Families = std::tuple<AmberConfig, LlamaConfig, CrystalCoderConfig, MistralConfig, NeoxConfig,
                            RedPajamaConfig, FalconConfig, GptJConfig, MptConfig>;

namespace detail {

/// Calls `test(std::type_identity<Config>{})` for one family after the other until one returns true.
template <class Test>
bool any_family(Test&& test) {
    return []<class... Config>(std::type_identity<std::tuple<Config...>>, Test& t) {
        return (t(std::type_identity<Config>{}) || ...);
    }(std::type_identity<Families>{}, test);
}

}  // namespace detail

/// Calls `visit(config)` with the config that a config.json holds, of its family's type. `where`: the file, for
/// messages. Throws Error(unsupported) naming a model type that no family reads, else as `parse_config`.
template <class Visit>
void visit_config(const Json& json, const std::string& where, Visit&& visit) {
    const bool known = detail::any_family([&]<class Config>(std::type_identity<Config>) {
        if (!Config::reads(json)) return false;
        visit(parse_config<typename Config::Model::Config>(json, where));
        return true;
    });
    if (known) return;
    const auto type = get<std::string>(json, "model_type", where);
    throw Error(ErrorCode::unsupported, "config",
                where + ": 'model_type' " + quote(type) + " is no family known here");
}

/// The same for the config.json of a Hugging Face directory. Throws Error(io), and Error(unsupported) for one of
/// adapters, too.
template <class Visit>
void visit_config(const std::filesystem::path& directory, Visit&& visit) {
    refuse_adapters(directory);
    const std::filesystem::path file = directory / "config.json";
    visit_config(read_json(file), file.string(), visit);
}

/// Calls `visit(config)` with a named size of a named family: "amber", "nano". Throws Error(value) listing what
/// there is.
template <class Visit>
void visit_preset(std::string_view family, std::string_view preset, Visit&& visit) {
    std::string families, presets;
    const bool known = detail::any_family([&]<class Config>(std::type_identity<Config>) {
        families += (families.empty() ? "" : ", ") + std::string(Config::family);
        if (Config::family != family) return false;
        for (const auto& [name, config] : Config::presets()) {
            if (name == preset) {
                visit(config);
                return true;
            }
            presets += (presets.empty() ? "" : ", ") + name;
        }
        return false;
    });
    if (known) return;
    if (presets.empty()) {
        throw Error(ErrorCode::value, "preset", "no family " + quote(family) + "; there are " + families);
    }
    throw Error(ErrorCode::value, "preset",
                std::string(family) + " has no preset " + quote(preset) + "; there are " + presets);
}

}  // namespace lapidary
