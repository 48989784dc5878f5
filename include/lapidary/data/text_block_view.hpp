#pragma once

#include <lapidary/data/text_blocks.hpp>

#include <memory>
#include <range/v3/iterator/default_sentinel.hpp>
#include <range/v3/view/facade.hpp>
#include <type_traits>
#include <utility>

namespace lapidary {

/// The blocks that `reader` has left, as a single-pass range-v3 view; the reader must outlive it. Advancing throws
/// what the reader throws.
class TextBlockView : public ranges::view_facade<TextBlockView> {
public:
    TextBlockView() = default;
    explicit TextBlockView(TextBlockReader& reader) : reader_(&reader), block_(std::make_shared<TextBlock>()) {}

private:
    friend ranges::range_access;
    class Cursor {
    public:
        using single_pass = std::true_type;
        Cursor() = default;
        explicit Cursor(TextBlockView& view) : view_(&view) { next(); }
        [[nodiscard]] TextBlock&& read() const { return std::move(*view_->block_); }
        [[nodiscard]] bool equal(ranges::default_sentinel_t /*end*/) const { return view_->done_; }
        void next() { view_->done_ = !view_->reader_->next(*view_->block_); }

    private:
        TextBlockView* view_ = nullptr;
    };

    Cursor begin_cursor() { return Cursor(*this); }

    TextBlockReader* reader_ = nullptr;
    std::shared_ptr<TextBlock> block_;
    bool done_ = false;
};

inline TextBlockView text_blocks(TextBlockReader& reader) { return TextBlockView(reader); }

}  // namespace lapidary
