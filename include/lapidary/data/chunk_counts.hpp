#pragma once

#include <lapidary/core/shape.hpp>
#include <lapidary/io/json_value.hpp>

#include <string>
#include <vector>

namespace lapidary {

/// What became of one source, or of all together. Tokens count the end-of-sequence ids.
struct SourceCounts {
    std::string name;
    Index documents = 0;
    Index tokens = 0;
    Index windows = 0;          ///< packed from the tokens
    Index training = 0;         ///< windows dealt to chunks
    Index validation = 0;       ///< windows held out
    Index dropped_windows = 0;  ///< windows of the last, incomplete round of dealing
    Index dropped_tokens = 0;   ///< tokens in no window that was kept

    SourceCounts& operator+=(const SourceCounts& other) {
        documents += other.documents;
        tokens += other.tokens;
        windows += other.windows;
        training += other.training;
        validation += other.validation;
        dropped_windows += other.dropped_windows;
        dropped_tokens += other.dropped_tokens;
        return *this;
    }

    [[nodiscard]] Json json() const {
        return {{"name", name},
                {"documents", documents},
                {"tokens", tokens},
                {"windows", windows},
                {"training_windows", training},
                {"validation_windows", validation},
                {"dropped_windows", dropped_windows},
                {"dropped_tokens", dropped_tokens}};
    }
};

/// What `ChunkWriter::finish` wrote.
struct ChunkCounts {
    std::vector<SourceCounts> sources;
    SourceCounts total;
    Index windows_per_chunk = 0;
};

}  // namespace lapidary
