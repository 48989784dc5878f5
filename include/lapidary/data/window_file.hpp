#pragma once

#include <lapidary/core/error.hpp>
#include <lapidary/core/shape.hpp>
#include <lapidary/core/view.hpp>
#include <lapidary/data/window_origin.hpp>
#include <lapidary/io/safetensors.hpp>

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>

namespace lapidary {

/// One file of windows, memory-mapped: `tokens` [n, context + 1] U16 or U32, and where each starts
/// (`WindowOrigin`): `document` and `offset` [n] I64, `source` and `epoch` [n] U16. Move-only.
class WindowFile {
public:
    /// Throws Error(io), Error(format) for a file that is not as described, naming file and tensor, and
    /// Error(shape) where an extent is not the one expected.
    explicit WindowFile(const std::filesystem::path& file, Index context) : file_(file), context_(context) {
        const auto& shape = file_.info("tokens").shape;
        if (file_.info("tokens").dtype == DType::U32) {
            wide_ = file_.view<std::uint32_t, 2>("tokens");
        } else {
            narrow_ = file_.view<std::uint16_t, 2>("tokens");
        }
        windows_ = shape[0];
        expect("tokens", shape, {windows_, context_ + 1});
        source_ = file_.view<std::uint16_t, 1>("source");
        document_ = file_.view<std::int64_t, 1>("document");
        offset_ = file_.view<std::int64_t, 1>("offset");
        epoch_ = file_.view<std::uint16_t, 1>("epoch");
        for (const char* name : {"source", "document", "offset", "epoch"})
            expect(name, file_.info(name).shape, {windows_});
    }

    [[nodiscard]] Index windows() const { return windows_; }
    [[nodiscard]] Index context() const { return context_; }

    /// Copies the context + 1 tokens of a window to `out`. Throws Error(value) if there is no such row.
    void read(Index row, std::int32_t* out) const {
        check_row(row);
        const auto copy = [&](auto tokens) {
            const auto view = tokens.at(row);
            std::transform(view.begin(), view.end(), out, [](auto id) { return static_cast<std::int32_t>(id); });
        };
        wide_.data != nullptr ? copy(wide_) : copy(narrow_);
    }

    /// Where a window comes from. Throws Error(value) if there is no such row.
    [[nodiscard]] WindowOrigin origin(Index row) const {
        check_row(row);
        return {document_[row], offset_[row], source_[row], epoch_[row]};
    }

    /// Calls `visit(id)` for every token, row by row.
    template <class Visit>
    void for_each_token(Visit visit) const {
        wide_.data != nullptr ? for_each(wide_, visit) : for_each(narrow_, visit);
    }

    /// Calls `visit(row)` for every row until it returns false; returns whether it never did. Memory is given back
    /// on the way: a file may be larger than it.
    template <class Visit>
    bool for_each_row(Visit visit) const {
        const Index at_once = std::max<Index>(1, (Index{1} << 20) / (context_ + 1));
        for (Index first = 0; first < windows_; first += at_once) {
            const Index end = std::min(windows_, first + at_once);
            for (Index row = first; row < end; ++row) {
                if (!visit(row)) return false;
            }
            forget(first, end);
        }
        return true;
    }

    /// Throws Error(integrity) naming file, row and column of the first token outside the vocabulary, or file and
    /// row of the first source outside `sources`.
    void check_values(Index vocabulary, Index sources) const {
        const Index columns = context_ + 1;
        Index position = 0;
        for_each_token([&](Index id) {
            if (id >= vocabulary) {
                refuse("row " + std::to_string(position / columns) + " column " +
                       std::to_string(position % columns) + ": token " + std::to_string(id) +
                       " is outside the vocabulary of " + std::to_string(vocabulary));
            }
            ++position;
        });
        for (Index row = 0; row < windows_; ++row) {
            if (source_[row] >= sources) {
                refuse("row " + std::to_string(row) + ": source " + std::to_string(source_[row]) + " of " +
                       std::to_string(sources));
            }
        }
    }

private:
    // Gives back the memory of rows [first, end); they are read again if they are asked for.
    void forget(Index first, Index end) const {
        const auto part = [&](auto tokens) {
            file_.forget(std::as_bytes(
                std::span(tokens.at(first).data, static_cast<std::size_t>((end - first) * (context_ + 1)))));
        };
        if (first < end) wide_.data != nullptr ? part(wide_) : part(narrow_);
    }
    [[noreturn]] void refuse(const std::string& reason) const {
        throw Error(ErrorCode::integrity, "data", file_.path().string() + ": " + reason);
    }
    template <class Tokens, class Visit>
    void for_each(Tokens tokens, Visit& visit) const {
        for_each_row([&](Index row) {
            for (auto id : tokens.at(row)) visit(static_cast<Index>(id));
            return true;
        });
    }
    void check_row(Index row) const {
        if (row < 0 || row >= windows_) {
            throw Error(ErrorCode::value, "data",
                        file_.path().string() + ": there is no row " + std::to_string(row) + " in " +
                            std::to_string(windows_));
        }
    }
    void expect(const char* name, std::span<const Index> shape, std::initializer_list<Index> expected) const {
        if (!std::equal(shape.begin(), shape.end(), expected.begin(), expected.end())) {
            throw Error(ErrorCode::shape, "data",
                        file_.path().string() + ": tensor '" + name + "' is " + to_string(shape) + ", expected " +
                            to_string(std::span(expected.begin(), expected.size())));
        }
    }

    SafetensorsReader file_;
    Index context_;
    Index windows_ = 0;
    View<const std::uint16_t, 2> narrow_;
    View<const std::uint32_t, 2> wide_;
    View<const std::uint16_t, 1> source_;
    View<const std::uint16_t, 1> epoch_;
    View<const std::int64_t, 1> document_;
    View<const std::int64_t, 1> offset_;
};

}  // namespace lapidary
