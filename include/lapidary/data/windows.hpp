#pragma once

#include <lapidary/core/error.hpp>
#include <lapidary/data/documents.hpp>
#include <lapidary/data/window_packer.hpp>
#include <lapidary/text/tokenizer.hpp>

#include <memory>
#include <optional>
#include <range/v3/functional/bind_back.hpp>
#include <range/v3/iterator/default_sentinel.hpp>
#include <range/v3/range/concepts.hpp>
#include <range/v3/view/all.hpp>
#include <range/v3/view/facade.hpp>
#include <range/v3/view/transform.hpp>
#include <range/v3/view/view.hpp>
#include <utility>

// The pipeline from documents to windows, as range-v3 views:
//
//     for (Window window : documents(reader) | tokenize(tokenizer) | pack(context)) ...
//
// Every view is single-pass and holds one element. Opt-in: programs that train include `token_chunks.hpp` only.

namespace lapidary {

/// The documents that `reader` has left, as a single-pass view; the reader must outlive it. Advancing throws
/// what the reader throws.
class DocumentView : public ranges::view_facade<DocumentView> {
public:
    DocumentView() = default;
    explicit DocumentView(DocumentReader& reader) : reader_(&reader), document_(std::make_shared<Document>()) {
        next();
    }

private:
    friend ranges::range_access;
    class Cursor {
    public:
        using single_pass = std::true_type;
        Cursor() = default;
        explicit Cursor(DocumentView& view) : view_(&view) {}
        [[nodiscard]] Document&& read() const { return std::move(*view_->document_); }
        [[nodiscard]] bool equal(ranges::default_sentinel_t /*end*/) const { return view_->done_; }
        void next() { view_->next(); }

    private:
        DocumentView* view_ = nullptr;
    };

    Cursor begin_cursor() { return Cursor(*this); }
    void next() { done_ = !reader_->next(*document_); }

    DocumentReader* reader_ = nullptr;
    std::shared_ptr<Document> document_;
    bool done_ = true;
};

/// A view of the documents that `reader` has left.
inline DocumentView documents(DocumentReader& reader) { return DocumentView(reader); }

/// `documents | tokenize(tokenizer)`: each document's ids and the end-of-sequence id after them; no
/// beginning-of-sequence id. The tokenizer must outlive the view. Throws Error(value) if it has no such id.
template <Tokenizer T>
auto tokenize(const T& tokenizer) {
    const TokenId eos = tokenizer.eos_id();
    if (eos < 0) throw Error(ErrorCode::value, "tokenize", "the vocabulary has no end-of-sequence id");
    return ranges::views::transform([&tokenizer, eos](Document document) {
        TokenizedDocument result;
        result.tokens = tokenizer.encode(document.text);
        result.tokens.push_back(eos);
        result.source = document.source;
        result.file = std::move(document.file);
        result.line = document.line;
        result.ordinal = document.ordinal;
        return result;
    });
}

/// Windows packed from a range of tokenized documents; see `pack`.
template <class Documents>
class PackView : public ranges::view_facade<PackView<Documents>, ranges::unknown> {
public:
    PackView() = default;
    PackView(Documents documents, Index context) : documents_(std::move(documents)), packer_(context) {}

private:
    friend ranges::range_access;
    class Cursor {
    public:
        using single_pass = std::true_type;
        Cursor() = default;
        explicit Cursor(PackView& view) : view_(&view), position_(ranges::begin(view.documents_)) { next(); }
        [[nodiscard]] Window&& read() const { return std::move(view_->window_); }
        [[nodiscard]] bool equal(ranges::default_sentinel_t /*end*/) const { return done_; }
        void next() {
            while (!view_->packer_->pop(view_->window_)) {
                if (*position_ == ranges::end(view_->documents_)) {
                    done_ = true;
                    return;
                }
                view_->packer_->push(**position_);
                ++*position_;
            }
        }

    private:
        PackView* view_ = nullptr;
        std::optional<ranges::iterator_t<Documents>> position_;
        bool done_ = false;
    };

    Cursor begin_cursor() { return Cursor(*this); }

    Documents documents_;
    std::optional<WindowPacker> packer_;
    Window window_;
};

/// `tokenized | pack(context)`: consecutive, non-overlapping windows of `context` + 1 tokens, as `WindowPacker`
/// cuts them. Throws Error(value) if `context` is less than 1.
inline auto pack(Index context) {
    return ranges::make_view_closure([context](auto&& documents) {
        using View = ranges::views::all_t<decltype(documents)>;
        return PackView<View>(ranges::views::all(std::forward<decltype(documents)>(documents)), context);
    });
}

}  // namespace lapidary
