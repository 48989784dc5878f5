#include <lapidary/io/safetensors.hpp>

#include "io/support.hpp"

#include <lapidary/core/bf16.hpp>

#include <cstdint>
#include <numeric>
#include <string>
#include <utility>
#include <vector>

using namespace lapidary;
using namespace io_test;

namespace {

struct Case {
    const char* name;
    const char* message;  // a part of the error; nullptr where the file is good
};

const Case cases[] = {
    {"ok_plain", nullptr},
    {"ok_padded_header", nullptr},
    {"ok_metadata", nullptr},
    {"ok_empty_tensor", nullptr},
    {"ok_scalar", nullptr},
    {"ok_no_tensors", nullptr},
    {"empty_file", "shorter than 8 bytes"},
    {"short_length", "shorter than 8 bytes"},
    {"header_len_huge", "over the limit of 100 MB"},
    {"header_len_100MB", "over the limit of 100 MB"},
    {"header_len_past_end", "does not fit in a file of 137"},
    {"header_not_utf8", "UTF-8"},
    {"header_not_json", "header: line 1 column"},
    {"header_not_object", "does not start with '{'"},
    {"header_start_space", "does not start with '{'"},
    {"dup_name", "tensor 'x'"},
    {"offset_past_end", "tensor 'x': data ends at byte 76 of 72"},
    {"offset_reversed", "tensor 'x': data_offsets must be [begin, end], got [72, 0]"},
    {"offset_negative", "tensor 'x': field 'data_offsets' holds a negative number"},
    {"offset_float", "tensor 'x': field 'data_offsets' holds the number '0.0'"},
    {"offset_one", "tensor 'x': data_offsets must be [begin, end], got [0]"},
    {"size_mismatch", "tensor 'x': F32 [3, 7] takes 84 bytes, data_offsets give 72"},
    {"shape_overflow", "tensor 'x': [shape] too many elements"},
    {"shape_overflow_bytes", "tensor 'x': [shape] too many bytes"},
    {"shape_negative", "tensor 'x': field 'shape' holds a negative number"},
    {"shape_string", "tensor 'x': field 'shape' holds the string '3'"},
    {"dtype_unknown", "tensor 'x': unknown dtype 'F33'"},
    {"dtype_missing", "tensor 'x': dtype is missing"},
    {"overlap", "tensor 'y': data starts at byte 68, expected 72 (overlap)"},
    {"hole", "tensor 'y': data starts at byte 80, expected 72 (hole)"},
    {"trailing_bytes", "the tensors take 72 bytes, the file has 77"},
    {"truncated_data", "tensor 'x': data ends at byte 72 of 71"},
    {"metadata_not_string", "metadata key 'n' holds a number"},
};

std::string with_length(const std::string& header, const std::string& data = "") {
    std::string text;
    for (int i = 0; i < 8; ++i) text += static_cast<char>((header.size() >> (8 * i)) & 0xff);
    return text + header + data;
}

/// Reads every tensor, so that a header that was wrongly accepted shows itself under a sanitizer.
std::size_t touch(const SafetensorsReader& reader) {
    std::size_t sum = 0;
    for (const TensorInfo& tensor : reader.tensors()) {
        for (std::byte b : reader.bytes(tensor.name)) sum += std::to_integer<std::size_t>(b);
    }
    return sum;
}

}  // namespace

TEST_CASE("the table of malformed files") {
    const std::filesystem::path folder = std::filesystem::path(LAPIDARY_TEST_DATA) / "io/data/safetensors";
    CHECK(entries(folder) == std::size(cases));
    for (const Case& c : cases) {
        INFO(c.name);
        const std::filesystem::path path = folder / (std::string(c.name) + ".safetensors");
        const auto open = [&] { (void)touch(SafetensorsReader(path)); };
        if (c.message == nullptr) {
            CHECK_NOTHROW(open());
        } else {
            check_throws(ErrorCode::format, open, "[safetensors] " + path.string() + ": ", c.message);
        }
    }
    const SafetensorsReader good(folder / "ok_metadata.safetensors");
    CHECK(good.metadata().at("format") == "pt");
    CHECK(good.view<float, 2>("x").shape == Shape<2>{3, 6});
}

TEST_CASE("more headers that must be refused") {
    const std::string f32 = R"("dtype":"F32","shape":[1],"data_offsets":[0,4])";
    std::string deep = "{\"x\":";
    deep.append(100000, '[');
    std::string rank = R"({"x":{"dtype":"F32","shape":[1)";
    for (int i = 0; i < 64; ++i) rank += ",1";
    rank += R"(],"data_offsets":[0,4]}})";
    const std::vector<std::pair<std::string, std::string>> headers{
        {deep, "tensor"},
        {rank, "more than 64 numbers"},
        {"{\"x\":" + std::string(3, '{') + std::string(3, '}') + "}", "header"},
        {"{\"x\":{" + f32 + "}}}", "header: line 1 column"},
        {"{\"x\":{" + f32 + "}} {}", "header: line 1 column"},
        {"{\"x\":{" + f32 + "}}" + std::string(4, '\0'), "NUL"},
        {"{\"x\":{" + f32 + ",\"dtype\":\"F32\"}}", "field 'dtype' appears twice"},
        {"{\"x\":{" + f32 + ",\"extra\":1}}", "unknown field 'extra'"},
        {"{\"x\":{" + f32 + "},\"__metadata__\":{\"a\":\"1\",\"a\":\"2\"}}", "metadata key 'a' appears twice"},
        {"{\"__metadata__\":{},\"__metadata__\":{},\"x\":{" + f32 + "}}", "__metadata__ appears twice"},
        {"{\"__metadata__\":{\"a\":{}},\"x\":{" + f32 + "}}", "metadata key 'a' holds an object"},
        {"{\"__metadata__\":null,\"x\":{" + f32 + "}}", "entry '__metadata__' holds null"},
        {"{\"x\":{" + f32 + "},\"y\":[]}", "entry 'y' holds a list"},
        {"{\"x\":{" + f32 + "},\"y\":{}}", "tensor 'y': dtype is missing"},
        {R"({"x":{"dtype":"F32","data_offsets":[0,4]}})", "tensor 'x': shape is missing"},
        {R"({"x":{"dtype":"F32","shape":[1]}})", "tensor 'x': data_offsets is missing"},
        {R"({"x":{"dtype":4,"shape":[1],"data_offsets":[0,4]}})", "field 'dtype' holds a number"},
        {R"({"x":{"dtype":["F32"],"shape":[1],"data_offsets":[0,4]}})", "field 'dtype' holds a list"},
        {R"({"x":{"dtype":"f32","shape":[1],"data_offsets":[0,4]}})", "unknown dtype 'f32'"},
        {R"({"x":{"dtype":"F32","shape":[[1]],"data_offsets":[0,4]}})", "tensor 'x'"},
        {R"({"x":{"dtype":"F32","shape":[true],"data_offsets":[0,4]}})", "holds a boolean"},
        {R"({"x":{"dtype":"F32","shape":[1e0],"data_offsets":[0,4]}})", "holds the number '1e0'"},
        {R"({"x":{"dtype":"F32","shape":{"0":1},"data_offsets":[0,4]}})", "holds an object"},
        {R"({"x":{"dtype":"F32","shape":[1],"data_offsets":[0,18446744073709551615]}})", "beyond 63 bits"},
        {R"({"x":{"dtype":"F32","shape":[1],"data_offsets":[0,9223372036854775807]}})", "data ends at byte"},
        {R"({"x":{"dtype":"F32","shape":[0,4611686018427387904,4611686018427387904],"data_offsets":[0,0]}})",
         "too many"},
        {"{\"x\":{" + f32 + R"(},"y":{"dtype":"F32","shape":[0],"data_offsets":[2,2]}})",
         "tensor 'y': data starts at byte 2, expected 4 (overlap)"},
    };
    const TemporaryDirectory folder;
    for (const auto& [header, message] : headers) {
        INFO(quote(header, 200));
        put(folder / "f", with_length(header, "1234"));
        check_throws(
            ErrorCode::format, [&] { SafetensorsReader reader(folder / "f"); }, "[safetensors] ", message);
    }
    put(folder / "f", with_length("{\"" + std::string(100000, '\x7f') + "\":1}"));
    const auto error = error_of([&] { SafetensorsReader reader(folder / "f"); });
    REQUIRE(error);
    CHECK(std::string(error->what()).size() < 600);
    check_throws(
        ErrorCode::io, [&] { SafetensorsReader reader(folder / "none"); }, "none");
}

TEST_CASE("every truncation and every flipped bit of the header is refused or read, never a crash") {
    const TemporaryDirectory folder;
    const auto path = folder / "small";
    {
        SafetensorsWriter writer(path, {{"a", DType::F32, {2, 3}}, {"b", DType::U16, {4}}, {"c", DType::I8, {}}},
                                 {{"k", "v"}});
        writer.append(std::span(std::string_view("xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx")));
        writer.finish();
    }
    const std::string good = read_text(path);
    for (std::size_t size = 0; size < good.size(); ++size) {
        put(path, good.substr(0, size));
        check_throws(
            ErrorCode::format, [&] { SafetensorsReader reader(path); }, path.string());
    }
    put(path, good + "x");
    check_throws(
        ErrorCode::format, [&] { SafetensorsReader reader(path); }, path.string());
    std::size_t refused = 0;
    std::size_t read = 0;
    for (std::size_t bit = 0; bit < 8 * (good.size() - 33); ++bit) {
        std::string text = good;
        text[bit / 8] = static_cast<char>(text[bit / 8] ^ (1 << (bit % 8)));
        put(path, text);
        const auto error = error_of([&] { read += touch(SafetensorsReader(path)) == 33 * 'x' ? 1 : 0; });
        if (error) {
            ++refused;
            if (error->code() != ErrorCode::format) FAIL("bit " << bit << ": " << error->what());
        }
    }
    CHECK(refused + read == 8 * (good.size() - 33));
    CHECK(refused > read);
    CHECK(read > 0);  // a flipped letter of a name
}

TEST_CASE("what is written is read back") {
    const TemporaryDirectory folder;
    const std::vector<double> d{1.5, -2.5};
    const std::vector<float> f{1, 2, 3, 4, 5, 6};
    const std::vector<bf16> h{bf16(0.5F), bf16(-3.0F), bf16(8.0F)};
    const std::vector<std::uint16_t> u{1, 65535};
    const std::vector<std::int8_t> i{-128};
    const std::vector<TensorSpec> specs{{"d", DType::F64, {2}},       {"f", DType::F32, {2, 3}},
                                        {"none", DType::F32, {0, 7}}, {"b\xc3\xa9\"\n", DType::BF16, {3, 1, 1}},
                                        {"u", DType::U16, {2}},       {"i", dtype_of<std::int8_t>, {}}};
    const auto write = [&](const std::filesystem::path& path) {
        SafetensorsWriter writer(path, specs, {{"step", "7"}, {"empty", ""}});
        writer.append(std::span(d));
        writer.append(std::span(f).first(1));
        writer.append(std::span(f).subspan(1));
        writer.append(std::span(h));
        writer.append(std::as_bytes(std::span(u)).first(3));
        writer.append(std::as_bytes(std::span(u)).subspan(3));
        writer.append(std::span(i));
        writer.finish();
    };
    write(folder / "one");
    write(folder / "two");
    CHECK(read_text(folder / "one") == read_text(folder / "two"));

    SafetensorsReader first(folder / "one");
    const SafetensorsReader reader(std::move(first));
    CHECK(reader.path() == folder / "one");
    CHECK(reader.metadata() == std::map<std::string, std::string>{{"step", "7"}, {"empty", ""}});
    REQUIRE(reader.tensors().size() == specs.size());
    std::size_t offset = 0;
    for (std::size_t n = 0; n < specs.size(); ++n) {
        const TensorInfo& tensor = reader.tensors()[n];
        CHECK(tensor.name == specs[n].name);
        CHECK(tensor.dtype == specs[n].dtype);
        CHECK(tensor.shape == specs[n].shape);
        CHECK(tensor.offset == offset);
        CHECK(&reader.info(tensor.name) == &tensor);
        offset += tensor.bytes;
    }
    CHECK(reinterpret_cast<std::uintptr_t>(reader.bytes("d").data()) % 64 == 0);
    CHECK(reader.read<double>("d") == d);
    CHECK(reader.read<float>("f") == f);
    CHECK(reader.read<bf16>("b\xc3\xa9\"\n") == h);
    CHECK(reader.read<std::uint16_t>("u") == u);
    CHECK(reader.read<std::int8_t>("i") == i);
    CHECK(reader.read<float>("none").empty());
    const View<const float, 2> view = reader.view<float, 2>("f");
    CHECK(view.shape == Shape<2>{2, 3});
    CHECK(view.at(1)[2] == 6.0F);
    CHECK(reader.view<float, 2>("none").empty());

    CHECK(reader.contains("u"));
    CHECK(!reader.contains("v"));
    const auto format = ErrorCode::format;
    check_throws(
        format, [&] { (void)reader.info("v"); }, "one: tensor 'v': is not in the file");
    check_throws(
        format, [&] { (void)reader.bytes("v"); }, "tensor 'v'");
    check_throws(
        format, [&] { (void)reader.view<double, 2>("f"); }, "tensor 'f': is F32, expected F64");
    check_throws(
        format, [&] { (void)reader.read<std::int16_t>("u"); }, "tensor 'u': is U16, expected I16");
    check_throws(
        format, [&] { (void)reader.view<float, 1>("f"); }, "tensor 'f': has shape [2, 3], expected rank 1");
}

TEST_CASE("tensors may be listed in any order, and unaligned ones can be read but not viewed") {
    const TemporaryDirectory folder;
    const std::string header = R"({"f":{"dtype":"F32","shape":[1],"data_offsets":[1,5]},)"
                               R"("b":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}})";
    std::string padded = header;
    while ((8 + padded.size()) % 8 != 0) padded += ' ';
    put(folder / "f", with_length(padded, std::string("\x07\x00\x00\x80\x3f", 5)));
    const SafetensorsReader reader(folder / "f");
    CHECK(reader.tensors()[0].name == "b");
    CHECK(reader.read<std::uint8_t>("b") == std::vector<std::uint8_t>{7});
    CHECK(reader.read<float>("f") == std::vector<float>{1.0F});
    check_throws(
        ErrorCode::format, [&] { (void)reader.view<float, 1>("f"); }, "tensor 'f'", "not aligned to 4");
}

TEST_CASE("the written bytes are fixed") {
    const TemporaryDirectory folder;
    {
        SafetensorsWriter writer(folder / "f", {{"x", DType::U8, {2, 1}}}, {{"b", "2"}, {"a", "1"}});
        writer.append(std::as_bytes(std::span("hi", 2)));
        writer.finish();
    }
    std::string header =
        R"({"__metadata__":{"a":"1","b":"2"},"x":{"dtype":"U8","shape":[2,1],"data_offsets":[0,2]}})";
    header.append(120 - header.size(), ' ');
    CHECK(read_text(folder / "f") == with_length(header, "hi"));
    SafetensorsWriter nothing(folder / "g", {});
    nothing.finish();
    CHECK(read_text(folder / "g") == with_length("{}" + std::string(54, ' ')));
    CHECK(SafetensorsReader(folder / "g").tensors().empty());
}

TEST_CASE("a file that was not finished is removed") {
    const TemporaryDirectory folder;
    const auto path = folder / "f";
    const std::vector<TensorSpec> specs{{"x", DType::U8, {2}}};
    {
        SafetensorsWriter writer(path, specs);
        writer.append(std::as_bytes(std::span("h", 1)));
        CHECK(std::filesystem::exists(path));
        check_throws(
            ErrorCode::value, [&] { writer.finish(); }, "1 announced bytes are missing");
        check_throws(
            ErrorCode::value, [&] { writer.append(std::as_bytes(std::span("ij", 2))); }, "1 are left");
    }
    CHECK(!std::filesystem::exists(path));

    put(path, "precious");
    const auto value = ErrorCode::value;
    const auto open = [&](std::vector<TensorSpec> tensors) {
        return [=] { SafetensorsWriter writer(path, tensors); };
    };
    check_throws(value, open({{"x", DType::U8, {1}}, {"x", DType::U8, {1}}}), "'x' is taken");
    check_throws(value, open({{"__metadata__", DType::U8, {1}}}), "'__metadata__' is taken");
    check_throws(value, open({{"\xff", DType::U8, {1}}}), "not UTF-8");
    check_throws(value, open({{"x", DType::U8, {Index{1} << 62}}, {"y", DType::U8, {Index{1} << 62}}}),
                 "too many bytes");
    check_throws(ErrorCode::shape, open({{"x", DType::U8, {-1}}}), "negative");
    check_throws(ErrorCode::shape, open({{"x", DType::F64, {Index{1} << 61}}}), "too many bytes");
    CHECK(read_text(path) == "precious");

    check_throws(
        ErrorCode::io, [&] { SafetensorsWriter writer("/dev/full", specs); }, "/dev/full", "No space left");
    CHECK(std::filesystem::exists("/dev/full"));
    check_throws(
        ErrorCode::io, [&] { SafetensorsWriter writer(path / "below", specs); }, "Not a directory");
}

TEST_CASE("dtypes have names and sizes") {
    for (int i = 0; i <= static_cast<int>(DType::BOOL); ++i) {
        const auto dtype = static_cast<DType>(i);
        CHECK(parse_dtype(dtype_name(dtype)) == dtype);
    }
    CHECK(!parse_dtype("F8"));
    CHECK(!parse_dtype(""));
    STATIC_REQUIRE(dtype_of<float> == DType::F32);
    STATIC_REQUIRE(dtype_of<const bf16> == DType::BF16);
    STATIC_REQUIRE(dtype_size(dtype_of<double>) == sizeof(double));
    STATIC_REQUIRE(dtype_size(dtype_of<bf16>) == sizeof(bf16));
    STATIC_REQUIRE(dtype_size(dtype_of<std::uint16_t>) == 2);
    STATIC_REQUIRE(dtype_size(DType::BOOL) == 1);
}
