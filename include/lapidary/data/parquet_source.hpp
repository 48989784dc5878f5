#pragma once

#include <lapidary/core/error.hpp>
#include <lapidary/data/byte_source.hpp>
#include <lapidary/io/json_value.hpp>

#include <arrow/array.h>
#include <arrow/record_batch.h>
#include <arrow/type.h>
#include <parquet/arrow/reader.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace lapidary {

/// The rows of a Parquet file as JSON Lines, so that a row is a document like any other: its columns of text are
/// the fields of a line; a null is left out. Opt-in: needs Apache Arrow 18 or later (CMake target
/// `lapidary::parquet`). Memory: a few thousand rows, and what Arrow holds of a row group.
///
/// A Parquet file is read from its end, so `stored`, the file's bytes, are passed through first and then the file
/// named `name` is opened. Throws Error(format) naming the file if Arrow cannot read it.
class ParquetSource final : public ByteSource {
public:
    ParquetSource(std::unique_ptr<ByteSource> stored, std::string name)
        : name_(std::move(name)), stored_(std::move(stored)) {
        std::vector<char> buffer(std::size_t{1} << 20);
        while (stored_->read(buffer) > 0) {
        }
        parquet::arrow::FileReaderBuilder builder;
        check(builder.OpenFile(name_, false, buffered()));
        parquet::ArrowReaderProperties batches;
        batches.set_batch_size(1024);
        batches.set_pre_buffer(false);
        check(builder.properties(batches)->Build(&file_));
        std::shared_ptr<arrow::Schema> schema;
        check(file_->GetSchema(&schema));
        std::vector<int> columns;
        for (int i = 0; i < schema->num_fields(); ++i) {
            const arrow::Type::type type = schema->field(i)->type()->id();
            if (type == arrow::Type::STRING || type == arrow::Type::LARGE_STRING) columns.push_back(i);
        }
        std::vector<int> groups(static_cast<std::size_t>(file_->num_row_groups()));
        for (std::size_t i = 0; i < groups.size(); ++i) groups[i] = static_cast<int>(i);
        auto rows = file_->GetRecordBatchReader(groups, leaves_of(*schema, columns));
        check(rows.status());
        rows_ = std::move(*rows);
    }

    std::size_t read(std::span<char> buffer) override {
        while (position_ == lines_.size()) {
            if (!next_batch()) return 0;
        }
        const std::size_t count = lines_.copy(buffer.data(), buffer.size(), position_);
        position_ += count;
        return count;
    }
    [[nodiscard]] std::uint64_t consumed() const override { return stored_->consumed(); }

private:
    static parquet::ReaderProperties buffered() {
        parquet::ReaderProperties properties;
        properties.enable_buffered_stream();
        return properties;
    }

    void check(const arrow::Status& status) const {
        if (!status.ok()) throw Error(ErrorCode::format, "parquet", name_ + ": " + status.ToString());
    }

    // The reader counts columns by leaves, of which a nested column has several.
    static std::vector<int> leaves_of(const arrow::Schema& schema, const std::vector<int>& columns) {
        std::vector<int> leaves;
        int leaf = 0;
        std::size_t next = 0;
        for (int i = 0; i < schema.num_fields(); ++i) {
            if (next < columns.size() && columns[next] == i) {
                leaves.push_back(leaf);
                ++next;
            }
            leaf += leaves_in(*schema.field(i)->type());
        }
        return leaves;
    }
    static int leaves_in(const arrow::DataType& type) {
        if (type.num_fields() == 0) return 1;
        int count = 0;
        for (const std::shared_ptr<arrow::Field>& field : type.fields()) count += leaves_in(*field->type());
        return count;
    }

    bool next_batch() {
        std::shared_ptr<arrow::RecordBatch> batch;
        check(rows_->ReadNext(&batch));
        if (batch == nullptr) return false;
        lines_.clear();
        position_ = 0;
        for (std::int64_t row = 0; row < batch->num_rows(); ++row) {
            Json line = Json::object();
            for (int column = 0; column < batch->num_columns(); ++column) {
                const arrow::Array& values = *batch->column(column);
                if (values.IsNull(row)) continue;
                line[batch->column_name(column)] = text_of(values, row);
            }
            lines_ += dump(line);
            lines_ += '\n';
        }
        return true;
    }

    static std::string text_of(const arrow::Array& values, std::int64_t row) {
        if (values.type_id() == arrow::Type::STRING) {
            return static_cast<const arrow::StringArray&>(values).GetString(row);
        }
        return static_cast<const arrow::LargeStringArray&>(values).GetString(row);
    }

    // A text that is not UTF-8 makes a line that is none either: whoever reads it refuses it by its number.
    static std::string dump(const Json& line) {
        try {
            return line.dump();
        } catch (const Json::exception&) {
            return "\xFF";
        }
    }

    std::string name_;
    std::unique_ptr<ByteSource> stored_;
    std::unique_ptr<parquet::arrow::FileReader> file_;
    std::shared_ptr<arrow::RecordBatchReader> rows_;
    std::string lines_;
    std::size_t position_ = 0;
};

}  // namespace lapidary
