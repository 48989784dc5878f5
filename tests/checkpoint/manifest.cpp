#include "checkpoint/support.hpp"

#include <lapidary/checkpoint/manifest.hpp>

using namespace lapidary;
using namespace io_test;

TEST_CASE("a run goes on under the definition it was begun with, and no other") {
    const TemporaryDirectory folder;
    const Json definition{{"model", "amber"},
                          {"seed", 18446744073709551615U},
                          {"rate", {{"peak", 0.1 + 0.2}, {"floor", 3e-5}}},
                          {"adamw", {0.9, 0.95, 1e-8, 0.1}},
                          {"init", nullptr}};
    record_manifest(folder.path(), definition, {{"threads", 2}});
    const std::string before = read_text(folder / "manifest.json");
    CHECK(read_json(folder / "manifest.json")["details"]["threads"] == 2);
    CHECK_NOTHROW(record_manifest(folder.path(), definition, {{"threads", 4}}));

    const auto refused = [&](const std::string& key, const Json& value) {
        Json changed = definition;
        changed[key] = value;
        check_throws(
            ErrorCode::value, [&] { record_manifest(folder.path(), changed, {}); }, "manifest.json",
            "'" + key + "'", value.dump());
    };
    refused("model", "crystalcoder");
    refused("seed", 1);
    refused("rate", {{"peak", 0.3}, {"floor", 3e-5}});  // one unit in the last place
    refused("adamw", {0.9, 0.95, 1e-8});
    refused("init", "abc");
    Json more = definition;
    more["lanes"] = 4;
    check_throws(
        ErrorCode::format, [&] { record_manifest(folder.path(), more, {}); }, "manifest.json",
        "'lanes' is missing");
    Json fewer = definition;
    fewer.erase("adamw");
    check_throws(
        ErrorCode::value, [&] { record_manifest(folder.path(), fewer, {}); }, "manifest.json", "'adamw'");
    CHECK(read_text(folder / "manifest.json") == before);
    CHECK(entries(folder.path()) == 1);
}

TEST_CASE("a damaged manifest is named and left alone") {
    const TemporaryDirectory folder;
    const Json definition{{"seed", 1}};
    for (const std::string text : {"", "{", "[]", "{}", R"({"format": "lapidary run 1"})",
                                   R"({"format": "other", "definition": {"seed": 1}})"}) {
        put(folder / "manifest.json", text);
        check_throws(
            ErrorCode::format, [&] { record_manifest(folder.path(), definition, {}); }, "manifest.json");
        CHECK(read_text(folder / "manifest.json") == text);
    }
    check_throws(
        ErrorCode::io, [&] { record_manifest(folder / "none", definition, {}); }, "none");
}
