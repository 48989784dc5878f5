#pragma once

#include <lapidary/core/error.hpp>
#include <lapidary/io/json.hpp>

#include <filesystem>
#include <string>

/// A GPU's products are computed with algorithms of its library, which a run records and keeps:
/// `run/products.json`. On other devices these do nothing.
///
/// Reads them, if the run has any. Throws Error(unsupported) naming the file if they are another GPU's or
/// library's.
template <class D>
void pin_products([[maybe_unused]] D& device, [[maybe_unused]] const std::filesystem::path& file) {
    if constexpr (requires { device.product_table(); }) {
        using namespace lapidary;
        if (!std::filesystem::exists(file)) return;
        const Json recorded = read_json(file);
        auto table = device.product_table();
        table.cublas = get<std::string>(recorded, "cublas", file.string());
        table.gpu = get<std::string>(recorded, "gpu", file.string());
        table.multiprocessors = get<int>(recorded, "multiprocessors", file.string());
        table.cudnn = get<std::size_t>(recorded, "cudnn", file.string());
        table.products.clear();
        const auto products = get<Json>(recorded, "products", file.string());
        for (const auto& [key, algorithm] : products.items()) {
            if (!algorithm.is_string()) {
                throw Error(ErrorCode::format, "products",
                            file.string() + ": the algorithm of '" + key + "' is no text");
            }
            table.products.push_back({key, algorithm.template get<std::string>()});
        }
        try {
            device.pin_products(table);
        } catch (const Error& error) {
            const std::string text = error.what();  // "[products] what is wrong"
            throw Error(error.code(), "products", file.string() + ": " + text.substr(text.find(' ') + 1));
        }
    }
}

/// Writes them, if there are others than `known`; returns how many there are.
template <class D>
std::size_t record_products([[maybe_unused]] D& device, [[maybe_unused]] const std::filesystem::path& file,
                            std::size_t known) {
    if constexpr (requires { device.product_table(); }) {
        using namespace lapidary;
        const auto table = device.product_table();
        if (table.products.size() == known) return known;
        Json products = Json::object();
        for (const auto& product : table.products) products[product.key] = product.algorithm;
        write_json(file, {{"cublas", table.cublas},
                          {"gpu", table.gpu},
                          {"multiprocessors", table.multiprocessors},
                          {"cudnn", table.cudnn},
                          {"products", products}});
        return table.products.size();
    }
    return known;
}
