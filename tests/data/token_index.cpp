#include "catch.hpp"
#include "prepared.hpp"
#include "support.hpp"

#include <lapidary/data/token_chunks.hpp>
#include <lapidary/data/token_index.hpp>
#include <lapidary/data/token_index_builder.hpp>

#include <map>
#include <set>
#include <vector>

using namespace lapidary;
using test::HandData;
using test::TemporaryFolder;
namespace fs = std::filesystem;

namespace {

using Ids = std::vector<TokenId>;

// Windows of ids out of few, with long repeats: passages that come again in other windows.
HandData repeating_data(Index ids, Index context, std::size_t chunks, std::size_t windows) {
    const Philox draw(3, "test", static_cast<std::uint64_t>(ids));
    std::uint64_t element = 0;
    const auto number = [&](std::uint64_t below) { return draw.integer(element++) % below; };
    HandData data;
    data.context = context;
    data.chunks.resize(chunks);
    std::vector<Ids> rows;
    for (std::size_t w = 0; w < chunks * windows; ++w) {
        Ids row;
        while (static_cast<Index>(row.size()) <= context) {
            if (!rows.empty() && number(3) == 0) {  // a passage of an earlier window
                const Ids& earlier = rows[number(rows.size())];
                const auto from = static_cast<std::ptrdiff_t>(number(earlier.size()));
                row.insert(row.end(), earlier.begin() + from,
                           earlier.begin() + std::min(from + static_cast<std::ptrdiff_t>(number(30)),
                                                      static_cast<std::ptrdiff_t>(earlier.size())));
            } else if (number(40) == 0) {
                row.insert(row.end(), number(25), static_cast<TokenId>(3));
            } else {
                row.push_back(static_cast<TokenId>(3 + number(static_cast<std::uint64_t>(ids))));
            }
        }
        row.resize(static_cast<std::size_t>(context) + 1);
        rows.push_back(row);
        data.chunks[w / windows].push_back({row});
    }
    return data;
}

// Every place, the slow way.
std::vector<Occurrence> places(const HandData& data, const Ids& ids) {
    std::vector<Occurrence> found;
    for (std::size_t c = 0; c < data.chunks.size(); ++c) {
        for (std::size_t r = 0; r < data.chunks[c].size(); ++r) {
            const Ids& row = data.chunks[c][r].tokens;
            for (std::size_t i = 0; i + ids.size() <= row.size(); ++i) {
                if (std::equal(ids.begin(), ids.end(), row.begin() + static_cast<std::ptrdiff_t>(i)))
                    found.push_back({static_cast<Index>(c), static_cast<Index>(r), static_cast<Index>(i)});
            }
        }
    }
    return found;
}

TokenChunks prepared(const fs::path& directory, const HandData& data) {
    test::write_prepared(directory, data);
    return TokenChunks(directory, {.batch_size = 1});
}

void check_queries(const HandData& data) {
    const TemporaryFolder folder;
    const TokenChunks chunks = prepared(folder / "data", data);
    build_token_index(chunks);
    const TokenIndex index(chunks);
    const Philox draw(9, "test", 0);
    std::uint64_t element = 0;
    const auto number = [&](std::size_t below) {
        return static_cast<std::size_t>(draw.integer(element++) % below);
    };
    bool all = true;
    Index found = 0, absent = 0;
    for (std::size_t length = 1; static_cast<Index>(length) <= data.context + 2; ++length) {
        for (int query = 0; query < 6; ++query) {
            const Ids& row = data.chunks[number(data.chunks.size())][number(data.chunks[0].size())].tokens;
            const std::size_t from = number(row.size() - std::min(length, row.size()) + 1);
            Ids ids(row.begin() + static_cast<std::ptrdiff_t>(from),
                    row.begin() + static_cast<std::ptrdiff_t>(std::min(from + length, row.size())));
            if (ids.size() < length) ids.push_back(3);     // longer than a window
            if (query == 5) ids[number(ids.size())] = 99;  // which stands nowhere
            const std::vector<Occurrence> expected = places(data, ids);
            all = all && index.find(ids) == expected && find_by_scan(chunks, ids) == expected;
            const std::vector<Occurrence> first(
                expected.begin(), expected.begin() + std::min<std::ptrdiff_t>(2, std::ssize(expected)));
            all = all && index.find(ids, 2) == first && find_by_scan(chunks, ids, 2) == first;
            all = all && index.find(ids, 0).empty();
            (expected.empty() ? absent : found) += 1;
        }
    }
    CHECK(all);
    CHECK(found > 20);
    CHECK(absent > 8);
}

std::set<std::string> names(const fs::path& directory) {
    std::set<std::string> result;
    for (const auto& entry : fs::directory_iterator(directory)) result.insert(entry.path().filename().string());
    return result;
}

}  // namespace

TEST_CASE("equal ids share a kept fingerprint from the promised length on", "[token_index]") {
    CHECK(indexed_ids == 10);
    const Philox draw(1, "test", 0);
    Ids ids;
    for (std::uint64_t i = 0; i < 20000; ++i) ids.push_back(static_cast<TokenId>(draw.integer(i) % 3));
    std::map<Index, std::uint64_t> kept;
    winnow(ids, [&](std::uint64_t hash, Index column) { kept.emplace(column, hash); });
    // Whatever stands around them: every 10 ids alone keep one that the whole keeps as well, and nothing else.
    bool shared = true;
    for (std::size_t first = 0; first + indexed_ids <= ids.size(); ++first) {
        int count = 0;
        winnow(std::span(ids).subspan(first, indexed_ids), [&](std::uint64_t hash, Index column) {
            const auto found = kept.find(static_cast<Index>(first) + column);
            shared = shared && found != kept.end() && found->second == hash;
            ++count;
        });
        shared = shared && count == 1;
    }
    CHECK(shared);
    winnow(std::span(ids).first(indexed_ids - 1), [&](std::uint64_t, Index) { shared = false; });
    CHECK(shared);
    Ids many;
    for (std::uint64_t i = 0; i < 20000; ++i) many.push_back(static_cast<TokenId>(draw.integer(i) % 30000));
    Index count = 0;
    winnow(many, [&](std::uint64_t, Index) { ++count; });
    CHECK(static_cast<double>(count) / 20000 == Approx(2.0 / 7).epsilon(0.05));
}

TEST_CASE("the index finds what reading all tokens finds", "[token_index]") {
    check_queries(repeating_data(2, 40, 3, 30));
    check_queries(repeating_data(5, 40, 2, 40));
    check_queries(repeating_data(90, 63, 3, 100));
    check_queries(repeating_data(4, 12, 1, 50));
    check_queries(repeating_data(3, 7, 2, 50));    // no window holds as many ids as the index needs
    check_queries(repeating_data(1, 100, 1, 20));  // one id, everywhere
}

TEST_CASE("an index of several buckets finds the same", "[token_index]") {
    const HandData data = repeating_data(90, 99, 3, 400);
    REQUIRE(detail::TokenIndexLayout(3 * 400 * 100).buckets() == 16);
    check_queries(data);
}

TEST_CASE("the same bytes come of the same data, however little memory there was", "[token_index]") {
    const TemporaryFolder folder;
    for (const Index ids : {1, 90}) {
        const fs::path directory = folder / std::to_string(ids);
        const TokenChunks chunks = prepared(directory, repeating_data(ids, 99, 3, 40));
        const auto before = names(directory);
        Index windows = 0;
        build_token_index(chunks, {.progress = [&](Index done) { windows = done; }});
        CHECK(windows == 120);
        const std::string bytes = test::read(directory / token_index_file);
        for (const std::size_t held : {5, 1000}) {
            build_token_index(chunks, {.held = held});
            CHECK(test::read(directory / token_index_file) == bytes);
        }
        auto after = before;
        after.insert(token_index_file);
        CHECK(names(directory) == after);  // nothing temporary is left
        const double size = static_cast<double>(bytes.size()) / (120 * 100);
        if (ids == 90) CHECK(size < 2.0);
    }
}

TEST_CASE("what a killed build left is cleared away", "[token_index]") {
    const TemporaryFolder folder;
    const TokenChunks chunks = prepared(folder / "data", repeating_data(90, 40, 2, 20));
    const fs::path left = folder / "data/.ngrams.safetensors.partial";
    fs::create_directories(left);
    test::write(left / "postings.3", "of another build");
    build_token_index(chunks, {.held = 3});
    CHECK_FALSE(fs::exists(left));
    const Ids& row = chunks.batch(0).tokens;
    CHECK(TokenIndex(chunks).find(row).size() == 1);
    fs::create_directories(left);
    const RunLock lock(left);
    CHECK_THROWS_WITH(build_token_index(chunks), ContainsSubstring("is in use by process"));
}

TEST_CASE("positions beyond 32 bits have three digits", "[token_index]") {
    const TemporaryFolder folder;
    const detail::TokenIndexLayout large(Index{1} << 40);
    CHECK(detail::TokenIndexLayout(Index{1} << 32).width() == 3);
    CHECK(large.width() == 4);
    CHECK(large.bucket_bits == 27);
    detail::TokenIndexLayout layout((Index{1} << 32) + 1);
    layout.bucket_bits = 2;
    detail::TokenIndexWriter writer(folder / "index", folder / "buckets", layout, 3, {});
    writer.add({0x0FFFF, 5});
    writer.add({0x20001, 0x123456789ABC});
    writer.add({0x20001, 0x123456789ABD});
    writer.finish();
    const SafetensorsReader file(folder / "index");
    CHECK(file.read<std::uint16_t>("entries") ==
          std::vector<std::uint16_t>{0xFFFF, 5, 0, 0, 1, 0x9ABC, 0x5678, 0x1234, 1, 0x9ABD, 0x5678, 0x1234});
    const auto buckets = file.read<std::int64_t>("buckets");
    REQUIRE(buckets.size() == 8);
    CHECK(buckets[0] == 0);
    CHECK(buckets[2] == 1);
    CHECK(buckets[4] == 1);
    CHECK(buckets[6] == 3);
    CHECK(buckets[3] == buckets[7]);  // of nothing
    CHECK(buckets[1] != buckets[5]);
}

TEST_CASE("an index of other data, and none, are refused by name", "[token_index]") {
    const TemporaryFolder folder;
    const HandData data = repeating_data(90, 40, 2, 20);
    const TokenChunks chunks = prepared(folder / "data", data);
    CHECK_THROWS_WITH(TokenIndex(chunks), ContainsSubstring("ngrams.safetensors"));
    build_token_index(chunks);
    CHECK(TokenIndex(chunks).size() > 100);
    CHECK_THROWS_AS(TokenIndex(chunks).find(Ids{}), Error);
    CHECK_THROWS_AS(find_by_scan(chunks, Ids{}), Error);
    const std::string manifest = test::read(folder / "data/data.json");
    test::write(folder / "data/data.json", manifest + " ");
    CHECK_THROWS_WITH(TokenIndex(chunks),
                      ContainsSubstring("ngrams.safetensors: was built for another data.json"));
    test::write(folder / "data/data.json", manifest);
    const fs::path index = folder / "data/ngrams.safetensors";
    fs::remove(index);
    fs::copy_file(folder / "data/documents.safetensors", index);
    CHECK_THROWS_WITH(TokenIndex(chunks), ContainsSubstring("the format is not 'lapidary token index 1'"));
}

TEST_CASE("a damaged index never hides what there is", "[token_index]") {
    const TemporaryFolder folder;
    const HandData data = repeating_data(90, 40, 2, 8);
    const TokenChunks chunks = prepared(folder / "data", data);
    build_token_index(chunks);
    const fs::path file = folder / "data/ngrams.safetensors";
    const std::string good = test::read(file);
    Ids query = data.chunks[1][7].tokens;
    query.resize(20);
    const std::vector<Occurrence> expected = places(data, query);
    int refused = 0;
    const auto try_it = [&](const std::string& bytes) {
        test::write(file, bytes);
        try {
            const TokenIndex index(chunks);
            return index.find(query) == expected;
        } catch (const Error& error) {
            ++refused;
            return (error.code() == ErrorCode::integrity || error.code() == ErrorCode::format) &&
                   std::string(error.what()).find("ngrams.safetensors") != std::string::npos;
        }
    };
    CHECK(try_it(good));
    CHECK(refused == 0);
    bool all = true;
    for (std::size_t i = 0; i < good.size(); i += 2) {
        std::string bytes = good;
        bytes[i] = static_cast<char>(bytes[i] ^ (1 << i % 8));
        all = all && try_it(bytes);
    }
    CHECK(all);
    CHECK(refused > static_cast<int>(good.size() / 2) - 100);  // some of the header says nothing
    for (std::size_t size = 0; size < good.size(); size += 97) all = all && try_it(good.substr(0, size));
    CHECK(all);
}
