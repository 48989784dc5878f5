#include "catch.hpp"
#include "support.hpp"

#include <lapidary/data/decompressed.hpp>
#include <lapidary/data/recipe_file.hpp>
#include <lapidary/data/token_chunks.hpp>

#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <string>
#include <thread>
#include <vector>

using namespace lapidary;
using test::ByteTokenizer;
using test::contents;
using test::prepare;
using test::TemporaryFolder;
namespace fs = std::filesystem;

namespace {

// Three sources of files of all kinds, one in several blocks; FIM on one.
Recipe write_corpus(const TemporaryFolder& folder) {
    test::write(folder / "wiki1.jsonl", test::json_lines(test::texts("wiki", 90)));
    std::string lines = test::json_lines(test::texts("more", 200));
    while (lines.size() < 1'200'000) {
        lines += test::json_lines({std::string(9'000, static_cast<char>('a' + lines.size() % 26))});
    }
    test::write(folder / "wiki2.jsonl.gz", test::gzip(lines));
    test::write(folder / "books.jsonl.zst", test::zstd(test::json_lines(test::texts("books", 150))));
    fs::create_directories(folder / "code/deep");
    const auto repeated = [](const std::string& line) {
        std::string text;
        for (int i = 0; i < 60; ++i) text += line + std::to_string(i) + "\n";
        return text;
    };
    test::write(folder / "code/a.py", repeated("print('python') # "));
    test::write(folder / "code/deep/b.c", repeated("int c = "));
    test::write(folder / "code/README", repeated("What this code is for, in many words: "));
    Recipe recipe = test::small_recipe({{"wiki", "wiki*"}, {"books", "books*"}, {"code", "code"}});
    recipe.vocabulary = 300;
    recipe.context = recipe.stride = 256;
    recipe.chunks = 3;
    recipe.validation.share = 0.1;
    recipe.sources[1].epochs = 2.5;
    recipe.sources[1].fim = FimRecipe{.rate = 0.9, .prefix = 260, .middle = 261, .suffix = 262, .pad = 263};
    recipe.sources[2].format = SourceFormat::tree;
    recipe.sources[2].epochs = 3;
    return recipe;
}

PreparationOptions with(int workers, double commit_seconds) {
    PreparationOptions options;
    options.workers = workers;
    options.decoding = decompressed;
    options.commit_seconds = commit_seconds;
    return options;
}

struct Stop {};

// Prepares as far as the n-th sign of progress; false if it came to its end before.
bool stopped_at(int n, const TemporaryFolder& folder, const Recipe& recipe, PreparationOptions options,
                const fs::path& out) {
    options.progress = [&](std::string_view, Index, Index) {
        if (n-- == 0) throw Stop();
    };
    try {
        prepare(folder / "", out, recipe, options);
        return false;
    } catch (const Stop&) {
        return true;
    }
}

std::string refusal(const TemporaryFolder& folder, const Recipe& recipe, const PreparationOptions& options,
                    ErrorCode code) {
    try {
        prepare(folder / "", folder / "out", recipe, options);
    } catch (const Error& error) {
        CHECK(error.code() == code);
        CHECK_FALSE(fs::exists(folder / "out"));
        return error.what();
    }
    return "accepted";
}

}  // namespace

TEST_CASE("all bytes are the same for any number of workers and any commits", "[preparation]") {
    const TemporaryFolder folder;
    const Recipe recipe = write_corpus(folder);
    prepare(folder / "", folder / "first", recipe, with(1, 1e9));
    const auto expected = contents(folder / "first");
    CHECK(expected.size() == 3 + 3);  // chunks, held-out windows, documents, manifest; nothing else
    int number = 0;
    for (const int workers : {1, 2, 5}) {
        for (const double seconds : {0.0, 1e9}) {
            const auto out = folder / ("again" + std::to_string(number++));
            prepare(folder / "", out, recipe, with(workers, seconds));
            CHECK(contents(out) == expected);
        }
    }
}

TEST_CASE("the manifest says what was made of what", "[preparation]") {
    const TemporaryFolder folder;
    const Recipe recipe = write_corpus(folder);
    test::write(folder / "tokenizer", "of bytes");
    PreparationOptions options = with(2, 5);
    options.tokenizer_files = {{folder / "tokenizer", "tokenizer.model"}};
    std::map<std::string, std::pair<Index, Index>> progress;
    options.progress = [&](std::string_view stage, Index done, Index total) {
        CHECK(done >= progress[std::string(stage)].first);
        CHECK(done <= total);
        progress[std::string(stage)] = {done, total};
    };
    const Json manifest = prepare(folder / "", folder / "out", recipe, options);
    for (const auto& [stage, value] : progress) CHECK(value.first == value.second);
    CHECK(progress.size() == 2);
    CHECK(manifest == read_json(folder / "out/data.json"));
    CHECK(parse_recipe(manifest["recipe"], "") == recipe);
    std::vector<std::string> files;
    for (const Json& input : manifest["inputs"]) {
        const fs::path file = input["file"].get<std::string>();
        files.push_back(file.filename().string());
        CHECK(input["bytes"].get<std::uintmax_t>() == fs::file_size(file));
        CHECK(input["sha256"] == sha256_file(file));
    }
    CHECK(files ==
          std::vector<std::string>{"wiki1.jsonl", "wiki2.jsonl.gz", "books.jsonl.zst", "README", "a.py", "b.c"});
    CHECK(manifest["inputs"][2]["source"] == "books");
    std::map<std::string, std::string> hashes;
    for (const auto& entry : fs::directory_iterator(folder / "out")) {
        if (entry.path().filename() != "data.json") {
            hashes[entry.path().filename().string()] = sha256_file(entry.path());
        }
    }
    CHECK(manifest["sha256"].get<std::map<std::string, std::string>>() == hashes);
    CHECK(hashes.contains("tokenizer.model"));
    std::vector<std::string> names;
    for (const Json& source : manifest["sources"]) names.push_back(source["name"]);
    CHECK(names == std::vector<std::string>{"wiki", "books", "code", "code/other", "code/python", "code/c"});
    CHECK(manifest["vocabulary"] == 300);
    CHECK(manifest["pad"] == 263);
    CHECK(manifest["eos"] == 2);

    Index tokens = 0;
    Index samples = 0;
    for (std::size_t s = 0; s < 3; ++s) {
        const Json& source = manifest["sources"][s];
        const auto count = [&](const char* key) { return source[key].get<Index>(); };
        CHECK(count("windows") == (count("tokens") - 257) / 256 + 1);
        CHECK(count("validation_windows") == (count("windows") + 5) / 10);
        tokens += count("tokens");
        samples += count("training_windows");
    }
    CHECK(manifest["total"]["tokens"] == tokens);
    CHECK(manifest["total"]["training_windows"] == samples);
    CHECK(manifest["windows_per_chunk"].get<Index>() * 3 == samples);
    const Index books = manifest["sources"][1]["training_windows"].get<Index>();
    const Index unique =
        manifest["sources"][1]["windows"].get<Index>() - manifest["sources"][1]["validation_windows"].get<Index>();
    CHECK(std::abs(static_cast<double>(books) - 2.5 * static_cast<double>(unique)) < 3);
    CHECK(manifest["fim"]["windows"] == books);
    const TokenChunks chunks(folder / "out", {.batch_size = 1});
    CHECK(chunks.windows_per_chunk() == manifest["windows_per_chunk"]);
}

TEST_CASE("stopped anywhere it goes on to the same bytes, and is not complete before", "[preparation]") {
    const TemporaryFolder folder;
    const Recipe recipe = write_corpus(folder);
    prepare(folder / "", folder / "whole", recipe, with(1, 1e9));
    const auto expected = contents(folder / "whole");
    const auto out = folder / "out";
    int stops = 0;
    for (;; ++stops) {
        const PreparationOptions options = with(1 + stops % 3, stops % 2 == 0 ? 0 : 1e9);
        if (!stopped_at(stops, folder, recipe, options, out)) break;
        CAPTURE(stops);
        REQUIRE_FALSE(fs::exists(out));
        REQUIRE_FALSE(fs::exists(StagedDirectory::staging_path(out) / data_manifest));
        prepare(folder / "", out, recipe, with(2, 1e9));
        REQUIRE(contents(out) == expected);
        REQUIRE_FALSE(fs::exists(StagedDirectory::staging_path(out)));
        fs::remove_all(out);
    }
    CHECK(stops > 8);
}

TEST_CASE("stopped again and again it still comes to its end", "[preparation]") {
    const TemporaryFolder folder;
    const Recipe recipe = write_corpus(folder);
    prepare(folder / "", folder / "whole", recipe, with(1, 1e9));
    int starts = 1;
    for (int n = 0; stopped_at(n, folder, recipe, with(2, 0), folder / "out"); n += 2) ++starts;
    CHECK(starts > 3);
    CHECK(contents(folder / "out") == contents(folder / "whole"));
}

TEST_CASE("a process that ended between any two writes leaves what another goes on with", "[preparation]") {
    const TemporaryFolder folder;
    const Recipe recipe = write_corpus(folder);
    prepare(folder / "", folder / "whole", recipe, with(1, 1e9));
    const auto expected = contents(folder / "whole");
    const auto out = folder / "out";
    const fs::path staging = StagedDirectory::staging_path(out);
    const auto begin = [&](int n) {  // stops after so many signs of progress
        fs::remove_all(out);
        fs::remove_all(staging);
        REQUIRE(stopped_at(n, folder, recipe, with(1, 0), out));
    };
    const auto finish = [&] {
        prepare(folder / "", out, recipe, with(1, 0));
        CHECK(contents(out) == expected);
        CHECK_FALSE(fs::exists(staging));
    };
    begin(9);  // temporary files of a killed process
    for (const char* name : {".chunk_000.safetensors.partial", ".data.json.1234.0.tmp", ".tokenizer.model.1.7.tmp",
                             ".work/.state.json.9.0.tmp", "documents.safetensors"}) {
        test::write(staging / name, "half of it");
    }
    finish();
    begin(9);  // the state was never written
    fs::remove(staging / ".work/state.json");
    finish();
    begin(0);
    fs::remove_all(staging / ".work");
    finish();

    // Everything is written, but the directory has not got its name yet.
    const auto written = [&] {
        begin(9);
        const fs::path work = folder / "work";
        fs::remove_all(work);
        fs::copy(staging / ".work", work, fs::copy_options::recursive);
        prepare(folder / "", out, recipe, with(1, 0));
        fs::rename(out, staging);
        fs::copy(work, staging / ".work", fs::copy_options::recursive);
    };
    written();
    finish();
    written();
    Recipe other = recipe;
    other.seed = 6;
    CHECK_THAT(refusal(folder, other, with(1, 0), ErrorCode::value), ContainsSubstring("another recipe"));
    finish();
    written();  // nothing tells what this was made from
    fs::remove_all(staging / ".work");
    prepare(folder / "", out, other, with(1, 0));
    CHECK(contents(out) != expected);
    prepare(folder / "", folder / "other", other, with(1, 0));
    CHECK(contents(out) == contents(folder / "other"));
}

TEST_CASE("another recipe, tokenizer or list of files is refused", "[preparation]") {
    const TemporaryFolder folder;
    const Recipe recipe = write_corpus(folder);
    test::write(folder / "tokenizer", "of bytes");
    PreparationOptions options = with(1, 0);
    options.tokenizer_files = {{folder / "tokenizer", "tokenizer.model"}};
    REQUIRE(stopped_at(9, folder, recipe, options, folder / "out"));
    const auto refused = [&](const Recipe& changed) {
        const std::string hint =
            "remove " + (StagedDirectory::staging_path(folder / "out") / ".work").string() + " to begin anew";
        const std::string message = refusal(folder, changed, options, ErrorCode::value);
        CHECK_THAT(message, ContainsSubstring("another recipe, tokenizer or list of files"));
        CHECK_THAT(message, ContainsSubstring(hint));
    };
    for (const auto& change : std::vector<std::function<void(Recipe&)>>{
             [](Recipe& r) { r.seed = 6; }, [](Recipe& r) { r.stride = 257; }, [](Recipe& r) { r.chunks = 4; },
             [](Recipe& r) { r.bos = true; }, [](Recipe& r) { r.sources[2].epochs = 2; },
             [](Recipe& r) { r.vocabulary = 301; }, [](Recipe& r) { r.sources[0].files = {"wiki1*"}; },
             [](Recipe& r) { r.on_bad = BadDocuments::skip; }}) {
        Recipe changed = recipe;
        change(changed);
        refused(changed);
    }
    test::write(folder / "tokenizer", "of letters");
    refused(recipe);
    test::write(folder / "tokenizer", "of bytes");
    test::write(folder / "wiki3", test::json_lines({"another file"}));
    refused(recipe);
    fs::remove(folder / "wiki3");
    prepare(folder / "", folder / "out", recipe, options);
    CHECK(fs::exists(folder / "out/data.json"));
}

TEST_CASE("an input that changed is refused by name, and what is left can be removed", "[preparation]") {
    const TemporaryFolder folder;
    const Recipe recipe = write_corpus(folder);
    REQUIRE(stopped_at(3, folder, recipe, with(1, 0), folder / "out"));
    test::write(folder / "wiki1.jsonl", test::json_lines(test::texts("wiki", 91)));
    CHECK_THAT(refusal(folder, recipe, with(1, 0), ErrorCode::integrity),
               ContainsSubstring("wiki1.jsonl: has changed since"));
    fs::remove_all(StagedDirectory::staging_path(folder / "out") / ".work");
    prepare(folder / "", folder / "out", recipe, with(1, 0));
    prepare(folder / "", folder / "again", recipe, with(1, 0));
    CHECK(contents(folder / "out") == contents(folder / "again"));
}

TEST_CASE("one process prepares a directory, and an existing one stays", "[preparation]") {
    const TemporaryFolder folder;
    const Recipe recipe = write_corpus(folder);
    PreparationOptions options = with(1, 0);
    std::string message;
    options.progress = [&](std::string_view, Index, Index) {
        if (message.empty()) message = refusal(folder, recipe, with(1, 0), ErrorCode::busy);
    };
    prepare(folder / "", folder / "out", recipe, options);
    CHECK_THAT(message, ContainsSubstring("is in use by process"));
    prepare(folder / "", folder / "again", recipe, with(1, 0));
    CHECK(contents(folder / "out") == contents(folder / "again"));
    CHECK_THROWS_WITH(prepare(folder / "", folder / "out", recipe), ContainsSubstring("out: exists already"));
    CHECK(contents(folder / "out") == contents(folder / "again"));
}

TEST_CASE("the first bad document in order is named, for any number of workers", "[preparation]") {
    const TemporaryFolder folder;
    const Recipe recipe = write_corpus(folder);
    std::string lines;
    for (int i = 0; i < 50; ++i) lines += test::json_lines({std::string(50'000, 'a')});
    for (const int bad : {3, 30, 45})
        lines.insert(lines.find("{\"text", static_cast<std::size_t>(bad) * 50'012),
                     "bad " + std::to_string(bad) + "\n");
    test::write(folder / "wiki0.jsonl", test::json_lines({"good"}) + lines);
    test::write(folder / "books0.jsonl", "bad from the start\n");
    for (const int workers : {1, 2, 5}) {
        CHECK_THAT(refusal(folder, recipe, with(workers, 0), ErrorCode::format),
                   ContainsSubstring("wiki0.jsonl:5: not JSON"));
    }
    test::write(folder / "wiki0.jsonl", test::json_lines({"good"}));
    fs::remove_all(StagedDirectory::staging_path(folder / "out"));
    CHECK_THAT(refusal(folder, recipe, with(5, 0), ErrorCode::format),
               ContainsSubstring("books0.jsonl:1: not JSON"));
}

TEST_CASE("what cannot be prepared is refused before anything is begun", "[preparation]") {
    const TemporaryFolder folder;
    const Recipe good = write_corpus(folder);
    const auto check = [&](const Recipe& recipe, const PreparationOptions& options, const char* part) {
        const ErrorCode code = std::string_view(part) == "'context'" ? ErrorCode::format : ErrorCode::value;
        CHECK_THAT(refusal(folder, recipe, options, code), ContainsSubstring(part));
        CHECK_FALSE(fs::exists(StagedDirectory::staging_path(folder / "out")));
    };
    Recipe recipe = good;
    recipe.context = 0;
    check(recipe, with(1, 0), "'context'");
    recipe = good;
    recipe.vocabulary = 258;
    recipe.sources[1].fim.reset();
    check(recipe, with(1, 0), "a vocabulary of 258, the tokenizer has 259");
    recipe = good;
    recipe.sources[1].fim->middle = 2;  // the end of a sequence
    check(recipe, with(1, 0), "are one id, 2");
    check(good, with(0, 0), "0 workers");
}

TEST_CASE("sources without documents or windows", "[preparation]") {
    const TemporaryFolder folder;
    test::write(folder / "a", test::json_lines(test::texts("a", 20)));
    test::write(folder / "b", "\n \n");
    Recipe recipe = test::small_recipe({{"a", "a"}, {"b", "b"}});
    CHECK_THAT(refusal(folder, recipe, {}, ErrorCode::value), ContainsSubstring("there is no document of 'b'"));
    recipe.on_bad = BadDocuments::skip;
    const Json manifest = prepare(folder / "", folder / "skipped", recipe);
    CHECK(manifest["sources"][1]["documents"] == 0);
    CHECK(manifest["sources"][1]["windows"] == 0);
    CHECK(manifest["inputs"][1]["bytes"] == 3);
    recipe.sources[0].weight = recipe.sources[1].weight = 1;
    fs::remove_all(StagedDirectory::staging_path(folder / "out"));
    CHECK_THAT(refusal(folder, recipe, {}, ErrorCode::value),
               ContainsSubstring("'b' has a weight, but no window"));
    recipe = test::small_recipe({{"a", "a"}});
    recipe.chunks = 100'000;
    fs::remove_all(StagedDirectory::staging_path(folder / "out"));
    CHECK_THAT(refusal(folder, recipe, {}, ErrorCode::value), ContainsSubstring("windows for 100000 chunks"));
}

TEST_CASE("documents left out are counted by reason and source", "[preparation]") {
    const TemporaryFolder folder;
    test::write(folder / "a", test::json_lines(test::texts("a", 20)) + "bad\n{\"text\":\"\"}\n" +
                                  test::json_lines({"short", "a0 "}) +
                                  "{\"text\":\"\\u0000\"}\n{\"text\":\"\xFF\"}\n{}\n" +
                                  test::json_lines({std::string(600, 'x')}));
    fs::create_directory(folder / "code");
    test::write(folder / "code/a.py", "print('python')\n");
    test::write(folder / "code/b.c", "int c;\n");
    test::write(folder / "code/c.py", "#######################\n");
    Recipe recipe = test::small_recipe({{"a", "a"}, {"code", "code"}});
    recipe.on_bad = BadDocuments::skip;
    recipe.deduplicate = true;
    recipe.max_document_bytes = 500;
    recipe.sources[0].filter.max_characters = 200;
    recipe.sources[1].format = SourceFormat::tree;
    recipe.sources[1].filter.languages = {"python"};
    recipe.sources[1].filter.min_alphanumeric = 0.5;
    const Json manifest = prepare(folder / "", folder / "out", recipe);
    std::map<std::string, Index> a;
    for (const auto& [reason, count] : manifest["sources"][0]["discarded"].items()) a[reason] = count;
    Index long_ones = 0;
    for (const std::string& text : test::texts("a", 20)) long_ones += text.size() > 200 ? 1 : 0;
    CHECK(a["malformed"] == 1);
    CHECK(a["empty"] == 1);
    CHECK(a["duplicate"] == 1);
    CHECK(a["nul"] == 1);
    CHECK(a["bad_utf8"] == 1);
    CHECK(a["no_text"] == 1);
    CHECK(a["too_long"] == 1);
    CHECK(a["many_characters"] == long_ones);
    CHECK(manifest["sources"][0]["documents"] == 21 - long_ones);
    const Json& code = manifest["sources"][1];
    CHECK(code["documents"] == 1);
    CHECK(code["discarded"]["another_language"] == 1);
    CHECK(code["discarded"]["few_letters"] == 1);
    CHECK(manifest["total"]["discarded"]["another_language"] == 1);
    CHECK(manifest["total"]["discarded"]["duplicate"] == 1);
}

TEST_CASE("pipes are read like files", "[preparation]") {
    const TemporaryFolder folder;
    const std::string text = test::json_lines(test::texts("pipe", 120));
    for (const char* name : {"files", "pipes"}) fs::create_directory(folder / name);
    test::write(folder / "files/f.gz", test::gzip(text));
    REQUIRE(::mkfifo((folder / "pipes/f.gz").c_str(), 0600) == 0);
    const Recipe recipe = test::small_recipe({{"a", "f.gz"}});
    prepare(folder / "files", folder / "of_files", recipe, with(1, 0));
    const auto from_pipe = [&](PreparationOptions options) {
        std::thread writer([&] { test::write(folder / "pipes/f.gz", test::gzip(text)); });
        try {
            prepare(folder / "pipes", folder / "of_pipes", recipe, std::move(options));
        } catch (const Stop&) {
        }
        writer.join();
    };
    PreparationOptions stopping = with(2, 0);
    stopping.progress = [](std::string_view stage, Index, Index) {
        if (stage != "tokenize") throw Stop();
    };
    from_pipe(stopping);
    CHECK_FALSE(fs::exists(folder / "of_pipes"));
    from_pipe(with(2, 0));  // from the beginning
    auto files = contents(folder / "of_files");
    auto pipes = contents(folder / "of_pipes");
    for (const char* name : {"chunk_000.safetensors", "chunk_001.safetensors", "documents.safetensors"}) {
        CHECK(files[name] == pipes[name]);
    }
    const Json manifest = read_json(folder / "of_pipes/data.json");
    CHECK(manifest["inputs"][0]["sha256"] == sha256_file(folder / "files/f.gz"));
}
