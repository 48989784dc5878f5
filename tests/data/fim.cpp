// Fill in the middle: ids as Python makes them (golden/make_fim.py), chances as stated, text that is found again.

#include "catch.hpp"
#include "data/support.hpp"

#include <lapidary/data/decompressed.hpp>
#include <lapidary/data/documents.hpp>
#include <lapidary/data/fim.hpp>
#include <lapidary/io/json.hpp>
#include <lapidary/text/open_tokenizer.hpp>

#include <array>
#include <filesystem>
#include <limits>
#include <map>
#include <set>
#include <string>
#include <thread>
#include <tuple>
#include <vector>

using namespace lapidary;
using lapidary::test::ByteTokenizer;

namespace {

const std::filesystem::path tests = LAPIDARY_TEST_DATA;

/// Bytes are 3 to 258 and 2 ends a sequence; FIM's ids come behind.
const ByteTokenizer bytes;
constexpr FimTokens byte_tokens{.prefix = 259, .middle = 260, .suffix = 261, .pad = 262};
FimOptions byte_options(double rate, double spm_rate = 0.5) {
    return {.rate = rate, .spm_rate = spm_rate, .tokens = byte_tokens, .eos = 2, .seed = 7, .vocabulary = 263};
}

/// A draw that somebody else made.
struct KnownDraw {
    bool chosen = true;
    bool suffix_first = false;
    FimCut place;
    Index characters = -1;  // that the cut was drawn for; -1: any

    [[nodiscard]] bool transformed(double /*rate*/) const { return chosen; }
    [[nodiscard]] bool spm(double /*rate*/) const { return suffix_first; }
    [[nodiscard]] FimCut cut(Index count) const {
        if (characters >= 0) CHECK(count == characters);
        return place;
    }
};

std::vector<std::vector<TokenId>> split(const std::vector<TokenId>& ids, TokenId eos) {
    std::vector<std::vector<TokenId>> segments(1);
    for (TokenId id : ids) {
        if (id == eos) {
            segments.emplace_back();
        } else {
            segments.back().push_back(id);
        }
    }
    return segments;
}

/// FIM's four ids behind a tokenizer's.
FimTokens behind(Index vocabulary) {
    const auto id = static_cast<TokenId>(vocabulary);
    return {.prefix = id, .middle = id + 1, .suffix = id + 2, .pad = id + 3};
}

Index kept(const FimCounts& counts) {
    return counts.untouched + counts.not_text + counts.special + counts.reserved + counts.lossy;
}

template <Tokenizer T>
void check_golden(const T& tokenizer, const Json& model) {
    const auto ids = model.at("ids").get<std::vector<TokenId>>();
    const FimTokens tokens{.prefix = ids[0], .middle = ids[1], .suffix = ids[2], .pad = ids[3]};
    const Fim fim(tokenizer, {.rate = 0.5, .tokens = tokens, .eos = ids[4], .vocabulary = model.at("vocabulary")});
    FimCounts counts;
    for (const Json& row : model.at("windows")) {
        const auto window = row.at(0).get<std::vector<TokenId>>();
        const auto draws = [&](Index segment) {
            const Json& draw = row.at(1).at(static_cast<std::size_t>(segment));
            return KnownDraw{draw[0] != 0, draw[1] != 0, {draw[2], draw[3]}, draw[4]};
        };
        const auto made = fim.with_draws(window, draws, counts);
        CHECK(made == row.at(2).get<std::vector<TokenId>>());
        // What is whole of it gives the text back.
        const auto before = split({window.begin(), window.end() - 1}, ids[4]);
        const auto after = split(made, ids[4]);
        for (std::size_t i = 0; i + 1 < after.size() && i < before.size(); ++i) {
            KnownDraw draw = draws(static_cast<Index>(i));
            draw.characters = -1;
            CHECK(fim_original(after[i], tokens, tokenizer, draw) == tokenizer.decode(before[i]));
        }
    }
    CHECK(counts.windows == 16);
    CHECK(counts.psm > 0);
    CHECK(counts.spm > 0);
    CHECK(counts.truncated > 0);
    CHECK(counts.padded > 0);
}

/// A file's documents, cut at `length` ids into segments that are all transformed, until `limit` bytes are read:
/// every one must give its text back. `plain`: from the ids alone.
FimCounts check_corpus(const AnyTokenizer& tokenizer, const char* file, std::size_t length, std::size_t limit,
                       bool plain) {
    const Index size = tokenizer.vocabulary_size();
    const FimTokens tokens = behind(size);
    const Fim fim(tokenizer,
                  {.rate = 1, .tokens = tokens, .eos = tokenizer.eos_id(), .seed = 3, .vocabulary = size + 4});
    const InputFile input{tests.parent_path() / "examples" / "corpus" / file, 0};
    Recipe recipe{.name = "corpus"};
    recipe.sources.push_back({.name = file});
    DocumentReader reader(recipe, {input}, decompressed);
    FimCounts counts;
    Index differ = 0, number = 0;
    std::size_t read = 0;
    for (Document document; read < limit && reader.next(document);) {
        if (document.text.size() > limit) {
            std::string start;
            append_valid_utf8(start, document.text.substr(0, limit), true);
            document.text = start;
        }
        read += document.text.size();
        const auto all = tokenizer.encode(document.text);
        for (std::size_t begin = 0; begin < all.size(); begin += length, ++number) {
            const auto ids = std::span(all).subspan(begin, std::min(length, all.size() - begin));
            const FimDraw draw = fim.draw({0, 0, number, 5});
            const auto made = fim.segment(ids, draw, counts);
            const std::string text = tokenizer.decode(ids);
            differ += fim_original(made, tokens, tokenizer, draw) != text;
            if (plain || made.size() < 2 || made[1] != tokens.suffix) {
                differ += fim_original(made, tokens, tokenizer) != text;
            }
        }
    }
    CHECK(differ == 0);
    CHECK(counts.segments == number);
    CHECK(counts.psm + counts.spm + kept(counts) == counts.segments);
    return counts;
}

const std::vector<const char*> corpus{"starcoder.jsonl.zst",     "arxiv.jsonl.gz",    "book.jsonl.zst", "c4.jsonl",
                                      "stackexchange.jsonl.zst", "wikipedia.jsonl.gz"};
constexpr std::size_t all_of_it = std::numeric_limits<std::size_t>::max() / 2;

double chi_square(const std::vector<double>& seen, const std::vector<double>& shares) {
    double total = 0, sum = 0;
    for (double count : seen) total += count;
    for (std::size_t i = 0; i < seen.size(); ++i) {
        const double expected = total * shares[i];
        sum += (seen[i] - expected) * (seen[i] - expected) / expected;
    }
    return sum;
}

}  // namespace

TEST_CASE("fill in the middle gives the ids that Python gives", "[fim]") {
    const Json golden = read_json(tests / "golden" / "fim.json");
    REQUIRE(golden.size() == 4);
    for (const auto& [name, model] : golden.items()) {
        CAPTURE(name);
        check_golden(open_tokenizer(tests / "text" / "data" / model.at("file").get<std::string>()), model);
    }
}

TEST_CASE("every transformed segment of the corpus gives its text back", "[fim]") {
    const auto data = tests / "text" / "data";
    const AnyTokenizer sentencepiece = open_tokenizer(data / "tok512.model");
    FimCounts counts = check_corpus(sentencepiece, "starcoder.jsonl.zst", 200, 400000, false);
    for (const char* file : corpus) counts += check_corpus(sentencepiece, file, 100, 50000, false);
    CHECK(counts.psm + counts.spm > 2000);
    CHECK(counts.special + counts.reserved + counts.lossy == 0);  // only characters that are cut are left
    CHECK(counts.not_text < counts.segments / 100);
    for (const char* name : {"gpt2", "neox", "falcon", "gpt4"}) {
        CAPTURE(name);
        const AnyTokenizer tokenizer = open_tokenizer(data / "tokenizers" / (std::string(name) + ".json"));
        counts = check_corpus(tokenizer, "starcoder.jsonl.zst", 100, 50000, true);
        CHECK(counts.psm + counts.spm > 150);
        CHECK(counts.special + counts.reserved + counts.lossy == 0);
        CHECK(counts.not_text < 3);
    }
}

TEST_CASE("all of the corpus, windows and whole documents, every tokenizer", "[fim][long]") {
    const auto data = tests / "text" / "data";
    for (const char* name :
         {"tok512.model", "tokenizers/llama.json", "tokenizers/metaspace.json", "tokenizers/gpt2.json",
          "tokenizers/neox.json", "tokenizers/falcon.json", "tokenizers/gpt4.json"}) {
        CAPTURE(name);
        const std::string model(name);
        const bool byte_level = model.find("model") == std::string::npos &&
                                model.find("llama") == std::string::npos &&
                                model.find("metaspace") == std::string::npos;
        const AnyTokenizer tokenizer = open_tokenizer(data / model);
        FimCounts counts;
        for (const char* file : corpus) {
            CAPTURE(file);
            for (const std::size_t length : {std::size_t{2048}, all_of_it}) {
                counts += check_corpus(tokenizer, file, length, all_of_it, byte_level);
            }
        }
        CAPTURE(counts.json().dump());
        const Index percent = model.find("metaspace") == std::string::npos ? 97 : 40;
        CHECK(100 * (counts.psm + counts.spm) > percent * counts.segments);
    }
}

TEST_CASE("chances are those stated", "[fim]") {
    // 100,000 segments of 99 distinct bytes at places that differ in all four numbers. Critical values are those
    // of one in a thousand; the seed is fixed, so that the test is no matter of chance.
    const Fim fim(bytes, byte_options(0.9, 0.25));
    std::vector<TokenId> ids;
    for (TokenId id = 10; id < 109; ++id) ids.push_back(id);
    std::vector<double> transformed(2), spm(2), pairs(55), pairs_seen(55), share(55);
    const auto bin = [](Index low, Index high) {  // of ten by ten, unordered
        return static_cast<std::size_t>(high / 10 * (high / 10 + 1) / 2 + low / 10);
    };
    for (Index a = 0; a < 100; ++a) {
        for (Index b = 0; b < 100; ++b) share[bin(std::min(a, b), std::max(a, b))] += 1e-4;
    }
    FimCounts counts;
    bool exact = true;
    for (Index i = 0; i < 100000; ++i) {
        const FimDraw draw = fim.draw({i % 10, i / 10 % 10, i / 100 % 10, i / 1000});
        const auto made = fim.segment(ids, draw, counts);
        ++transformed[made.size() != ids.size()];
        const FimCut cut = draw.cut(99);
        ++pairs[bin(cut.first, cut.second)];
        if (made.size() == ids.size()) continue;
        ++spm[draw.spm(0.25)];
        if (draw.spm(0.25)) {
            exact = exact && made[0] == 259 && made[1] == 261 &&
                    made[static_cast<std::size_t>(101 - cut.second)] == 260;
        } else {  // the cut, read off the ids
            const Index first = std::ranges::find(made, 261) - made.begin() - 1;
            const Index second = first + (made.end() - std::ranges::find(made, 260) - 1);
            exact = exact && FimCut{first, second} == cut;
            ++pairs_seen[bin(first, second)];
        }
    }
    CHECK(exact);
    CHECK(counts.psm + counts.spm + counts.untouched == 100000);
    CHECK(chi_square(transformed, {0.1, 0.9}) < 10.83);  // 1 degree of freedom
    CHECK(chi_square(spm, {0.75, 0.25}) < 10.83);
    CHECK(chi_square(pairs, share) < 91.87);  // 54
    CHECK(chi_square(pairs_seen, share) < 91.87);
}

TEST_CASE("cuts are unbiased where positions do not divide the range of the draw", "[fim]") {
    // 3 * 2^61 positions: a remainder of 64 bits would take the first two thirds of them three times to two.
    const Index last = 3 * (Index{1} << 61) - 1;
    std::vector<double> thirds(3);
    for (Index window = 0; window < 5000; ++window) {
        const FimCut cut = FimDraw(1, {0, 0, window, 0}).cut(last);
        REQUIRE((cut.first >= 0 && cut.first <= cut.second && cut.second <= last));
        ++thirds[static_cast<std::size_t>(cut.first >> 61)];
        ++thirds[static_cast<std::size_t>(cut.second >> 61)];
    }
    CHECK(chi_square(thirds, {1. / 3, 1. / 3, 1. / 3}) < 13.82);  // 2 degrees of freedom, one in a thousand
    CHECK(FimDraw(1, {}).cut(0) == FimCut{0, 0});
    std::set<std::pair<Index, Index>> cuts;
    for (Index window = 0; window < 200; ++window) {
        const FimCut cut = FimDraw(1, {0, 0, window, 0}).cut(1);
        cuts.emplace(cut.first, cut.second);
    }
    CHECK(cuts == std::set<std::pair<Index, Index>>{{0, 0}, {0, 1}, {1, 1}});
}

TEST_CASE("no two places share a draw, and seeds differ", "[fim]") {
    std::set<std::pair<Index, Index>> cuts;
    const Index n = Index{1} << 62;
    Index places = 0;
    for (const Index source : {0, 1, 65535}) {
        for (const Index epoch : {0, 1, 65535}) {
            for (const Index window : {Index{0}, Index{1}, Index{1} << 40}) {
                for (const Index segment : {0, 1, (1 << 24) - 1}) {
                    for (const std::uint64_t seed : {0, 1}) {
                        const FimCut cut = FimDraw(seed, {source, epoch, window, segment}).cut(n);
                        cuts.emplace(cut.first, cut.second);
                        ++places;
                    }
                }
            }
        }
    }
    CHECK(static_cast<Index>(cuts.size()) == places);
    CHECK_THROWS_AS(FimDraw(0, {65536, 0, 0, 0}), Error);
    CHECK_THROWS_AS(FimDraw(0, {0, 65536, 0, 0}), Error);
    CHECK_THROWS_AS(FimDraw(0, {0, 0, -1, 0}), Error);
    CHECK_THROWS_AS(FimDraw(0, {0, 0, 0, 1 << 24}), Error);
}

TEST_CASE("a segment in both orders, cut at both ends", "[fim]") {
    const Fim fim(bytes, byte_options(1));
    FimCounts counts;
    const auto make = [&](const char* text, FimCut cut, bool spm) {
        return fim.segment(bytes.encode(text), KnownDraw{true, spm, cut}, counts);
    };
    using Ids = std::vector<TokenId>;
    const TokenId a = 'a' + 3, b = 'b' + 3, c = 'c' + 3;
    CHECK(make("abc", {1, 2}, false) == Ids{259, a, 261, c, 260, b});
    CHECK(make("abc", {1, 2}, true) == Ids{259, 261, c, 260, a, b});
    CHECK(make("abc", {0, 0}, false) == Ids{259, 261, a, b, c, 260});
    CHECK(make("abc", {0, 0}, true) == Ids{259, 261, a, b, c, 260});
    CHECK(make("abc", {3, 3}, false) == Ids{259, a, b, c, 261, 260});
    CHECK(make("abc", {0, 3}, true) == Ids{259, 261, 260, a, b, c});
    // Cuts count characters: each of these is two to four bytes.
    const std::string text = "é日🙂";
    for (Index first = 0; first <= 3; ++first) {
        for (Index second = first; second <= 3; ++second) {
            const auto made = make(text.c_str(), {first, second}, false);
            const auto parts = detail::read_fim_ids(made, byte_tokens);
            CHECK(valid_utf8(bytes.decode(parts.prefix)));
            CHECK(valid_utf8(bytes.decode(parts.middle)));
            CHECK(detail::character_count(bytes.decode(parts.middle)) == second - first);
            CHECK(fim_original(made, byte_tokens, bytes) == text);
        }
    }
    CHECK(counts.psm == 13);
    CHECK(counts.spm == 3);
    CHECK(counts.segments == 16);
}

TEST_CASE("windows: ends of sequences, the last label, cutting off and padding", "[fim]") {
    using Ids = std::vector<TokenId>;
    FimCounts counts;
    const Fim none(bytes, byte_options(0)), all(bytes, byte_options(1));
    const Ids window{10, 11, 2, 2, 12, 13};
    CHECK(none(window, 0, 0, 0, counts) == window);
    CHECK(counts == FimCounts{.windows = 1});

    const auto untouched = [](Index) { return KnownDraw{false, false, {}}; };
    counts = {};
    CHECK(all.with_draws(window, untouched, counts) ==
          Ids{10, 11, 2, 2, 12, 2});  // the last label ends a sequence
    CHECK(counts == FimCounts{.windows = 1, .segments = 2, .untouched = 2});

    counts = {};
    CHECK(all(Ids{2, 2, 2, 2}, 0, 0, 0, counts) == Ids{2, 2, 2, 2});  // nothing to transform
    CHECK(all(Ids{2, 65}, 0, 0, 0, counts) == Ids{2, 2});
    CHECK(counts == FimCounts{.windows = 2});

    counts = {};  // one document fills the window: three more ids than fit, and the end of the sequence
    const auto cut = [](Index) { return KnownDraw{true, false, {1, 3}}; };
    CHECK(all.with_draws(Ids{65, 66, 67, 68, 69}, cut, counts) == Ids{259, 65, 261, 68, 260});
    CHECK(counts == FimCounts{.windows = 1, .segments = 1, .psm = 1, .truncated = 1, .cut_tokens = 3});

    const JsonTokenizer gpt2(tests / "text" / "data" / "tokenizers" / "gpt2.json");
    const FimTokens tokens = behind(gpt2.vocabulary_size());
    const Fim fim(gpt2, {.rate = 1, .tokens = tokens, .eos = gpt2.eos_id(), .vocabulary = tokens.pad + 1});
    Ids letters;
    for (const char* letter : {"t", "h", "e", " ", "t", "h", "e", " ", "t", "h", "e", "x"}) {
        letters.push_back(gpt2.encode(letter).front());
    }
    counts = {};
    const auto made = fim.with_draws(
        letters,
        [](Index) {
            return KnownDraw{true, false, {3, 7}};
        },
        counts);
    const TokenId the = gpt2.encode(" the").front();
    Ids expected{tokens.prefix};
    for (TokenId id : gpt2.encode("the")) expected.push_back(id);
    expected.insert(expected.end(), {tokens.suffix, the, tokens.middle, the, gpt2.eos_id()});
    const auto length = expected.size();
    expected.resize(letters.size(), tokens.pad);
    CHECK(made == expected);
    CHECK(counts == FimCounts{.windows = 1,
                              .segments = 1,
                              .psm = 1,
                              .padded = 1,
                              .pad_tokens = static_cast<Index>(letters.size() - length)});
    CHECK_THROWS_AS(all(Ids{65}, 0, 0, 0, counts), Error);
}

TEST_CASE("what does not say all of its text stays as it is, and is counted", "[fim]") {
    using Ids = std::vector<TokenId>;
    const Fim fim(bytes, byte_options(1));
    const KnownDraw draw{true, false, {0, 1}};
    FimCounts counts;
    const Ids half{0xE6 + 3, 0x97 + 3, 'a' + 3};  // a character that lost its last byte
    CHECK(fim.segment(half, draw, counts) == half);
    const Ids replaced = bytes.encode("a\xEF\xBF\xBD");  // what others decode that to
    CHECK(fim.segment(replaced, draw, counts) == replaced);
    CHECK(counts == FimCounts{.segments = 2, .not_text = 2});
    CHECK(fim.segment(Ids{65, 1, 66}, draw, counts) == Ids{65, 1, 66});  // a beginning of sequence is no text
    CHECK(fim.segment(Ids{65, 260}, draw, counts) == Ids{65, 260});      // nor what the tokenizer does not know
    CHECK(counts == FimCounts{.segments = 4, .not_text = 2, .special = 2});

    // A text that spells one of the tokens: `<|fim_prefix|>` is one of this tokenizer's.
    const auto data = tests / "text" / "data";
    const JsonTokenizer llama(data / "tokenizers" / "llama.json");
    const Ids marker = llama.encode("<|fim_prefix|>");
    REQUIRE(marker.size() == 1);
    FimTokens tokens = behind(llama.vocabulary_size());
    tokens.prefix = marker.front();
    const Fim with_marker(llama, {.rate = 1, .tokens = tokens, .eos = 2, .vocabulary = tokens.pad + 1});
    Ids spelled;  // by a piece for each letter, as a tokenizer without the token would
    for (char letter : std::string("<|fim_prefix|>"))
        spelled.push_back(llama.encode("1" + std::string(1, letter)).back());
    REQUIRE(llama.decode(spelled) == "<|fim_prefix|>");
    counts = {};
    CHECK(with_marker.segment(spelled, KnownDraw{true, false, {0, 0}}, counts) == spelled);
    CHECK(counts == FimCounts{.segments = 1, .reserved = 1});
    CHECK(with_marker.segment(spelled, KnownDraw{true, false, {4, 4}}, counts) !=
          spelled);  // cut in two, it is none
    CHECK(counts.psm == 1);

    // A tokenizer that takes the space at the start of a text for its own.
    const JsonTokenizer metaspace(data / "tokenizers" / "metaspace.json");
    const Fim lossy(metaspace,
                    {.rate = 1, .tokens = behind(metaspace.vocabulary_size()), .eos = 2, .vocabulary = 1100});
    const Ids words = metaspace.encode("the house");
    counts = {};
    CHECK(lossy.segment(words, KnownDraw{true, false, {3, 9}}, counts) == words);  // " house" would become "house"
    CHECK(counts == FimCounts{.segments = 1, .lossy = 1});
    CHECK(lossy.segment(words, KnownDraw{true, false, {4, 9}}, counts) != words);
    CHECK(counts.psm == 1);

    // SentencePiece: a character cut in two, a space that is the model's own.
    const SentencePiece sentencepiece(data / "tok512.model");
    const Fim sp(sentencepiece, {.rate = 1, .tokens = behind(512), .eos = 2, .vocabulary = 516});
    const Ids whole = sentencepiece.encode("日本");
    const Ids tail(whole.begin() + 3, whole.end());
    counts = {};
    CHECK(sp.segment(tail, draw, counts) == tail);
    CHECK(counts.not_text == 1);
    const Ids space{sentencepiece.encode(" ").front()};
    CHECK(sp.segment(space, draw, counts) == space);
    CHECK(counts.not_text == 2);
}

TEST_CASE("SentencePiece: the space before a middle is told by the draw alone", "[fim]") {
    const SentencePiece tokenizer(tests / "text" / "data" / "tok512.model");
    const FimTokens tokens = behind(512);
    const Fim fim(tokenizer, {.rate = 1, .tokens = tokens, .eos = 2, .vocabulary = 516});
    FimCounts counts;
    const auto of = [&](const char* text, FimCut cut) {
        // A text cut in two places may give the ids of another text: so the cut is drawn, not chosen.
        return fim.segment(tokenizer.encode(text), KnownDraw{true, true, cut}, counts);
    };
    CHECK(of("thecat sat", {3, 10}) == of("the catsat", {7, 10}));  // which of the two it was, the ids do not say
    CHECK(fim_original(of("thecat sat", {3, 10}), tokens, tokenizer) == "the cat sat");
    CHECK(fim_original(of("thecat sat", {3, 10}), tokens, tokenizer, KnownDraw{true, true, {3, 10}}) ==
          "thecat sat");
    CHECK(fim_original(of("the catsat", {7, 10}), tokens, tokenizer, KnownDraw{true, true, {7, 10}}) ==
          "the catsat");
    CHECK_THROWS_AS(fim_original(of("thecat sat", {3, 10}), tokens, tokenizer, KnownDraw{true, true, {4, 10}}),
                    Error);
    // Texts of a few spaces and letters, at all their cuts, in both orders.
    for (const char* text : {"a", " ", "  ", " a", "a ", "a b", "  a  b ", "日 x\n y", "\n", " \n ", "aa  aa"}) {
        const std::vector<TokenId> ids = tokenizer.encode(text);
        const Index n = detail::character_count(text);
        for (Index first = 0; first <= n; ++first) {
            for (Index second = first; second <= n; ++second) {
                const KnownDraw psm{true, false, {first, second}}, spm{true, true, {first, second}};
                CAPTURE(text, first, second);
                CHECK(fim_original(fim.segment(ids, psm, counts), tokens, tokenizer) == text);
                CHECK(fim_original(fim.segment(ids, psm, counts), tokens, tokenizer, psm) == text);
                CHECK(fim_original(fim.segment(ids, spm, counts), tokens, tokenizer, spm) == text);
            }
        }
    }
    CHECK(kept(counts) == 0);
    const std::vector<TokenId> broken{512, 5, 514, 6};  // no middle
    CHECK_THROWS_AS(fim_original(broken, tokens, tokenizer), Error);
    const std::vector<TokenId> turned{512, 5, 513, 6, 514, 7};  // middle before suffix
    CHECK_THROWS_AS(fim_original(turned, tokens, tokenizer), Error);
}

TEST_CASE("many threads make the windows that one makes", "[fim]") {
    const AnyTokenizer tokenizer = open_tokenizer(tests / "text" / "data" / "tok512.model");
    const FimTokens tokens = behind(512);
    const Fim fim(tokenizer, {.rate = 0.8, .tokens = tokens, .eos = 2, .seed = 9, .vocabulary = 516});
    std::vector<TokenId> stream;
    for (int i = 0; i < 60; ++i) {
        for (TokenId id : tokenizer.encode("document " + std::to_string(i * i) + " is über short.\n")) {
            stream.push_back(id);
        }
        stream.push_back(2);
    }
    constexpr std::size_t size = 65;
    const std::size_t windows = (stream.size() - 1) / (size - 1);
    const auto make = [&](std::size_t i, FimCounts& counts) {
        return fim(std::span(stream).subspan(i * (size - 1), size), 3, 1, static_cast<Index>(i), counts);
    };
    std::vector<std::vector<TokenId>> alone(windows), together(windows);
    FimCounts once, sum;
    for (std::size_t i = 0; i < windows; ++i) alone[i] = make(i, once);
    std::array<FimCounts, 4> counts;
    std::vector<std::thread> threads;
    for (std::size_t t = 0; t < 4; ++t) {
        threads.emplace_back([&, t] {
            for (std::size_t i = t; i < windows; i += 4) together[i] = make(i, counts[t]);
        });
    }
    for (std::thread& thread : threads) thread.join();
    for (const FimCounts& part : counts) sum += part;
    CHECK(alone == together);
    CHECK(sum == once);
    CHECK(once.windows == static_cast<Index>(windows));
    CHECK(once.json().at("psm") == once.psm);
    CHECK(once.psm + once.spm + kept(once) == once.segments);
    for (const auto& window : alone) CHECK(window.size() == size);
    // Another epoch or source is another draw.
    FimCounts others;
    CHECK(fim(std::span(stream).first(size), 3, 2, 0, others) != alone[0]);
    CHECK(fim(std::span(stream).first(size), 2, 1, 0, others) != alone[0]);
}

TEST_CASE("options out of range are refused", "[fim]") {
    const auto refused = [](FimOptions options, const char* words) {
        try {
            const Fim fim(bytes, options);
            FAIL("accepted");
        } catch (const Error& error) {
            CHECK(error.code() == ErrorCode::value);
            CHECK_THAT(error.what(), ContainsSubstring(words));
        }
    };
    refused(byte_options(1.1), "'rate'");
    refused(byte_options(-0.1), "'rate'");
    refused(byte_options(std::numeric_limits<double>::quiet_NaN()), "'rate'");
    refused(byte_options(0.5, 2), "'spm_rate'");
    FimOptions options = byte_options(0.5);
    options.vocabulary = 262;
    refused(options, "262 of 'pad' is not in the vocabulary of 262");
    options.vocabulary = 0;  // the tokenizer's, which has no room
    refused(options, "259 of 'prefix' is not in the vocabulary of 259");
    options = byte_options(0.5);
    options.eos = -1;
    refused(options, "'eos'");
    options.eos = options.tokens.middle;
    refused(options, "'middle' and 'eos' are one id, 260");
}
