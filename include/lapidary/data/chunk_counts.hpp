#pragma once

#include <lapidary/core/shape.hpp>
#include <lapidary/data/discards.hpp>
#include <lapidary/io/json_value.hpp>

#include <string>
#include <vector>

namespace lapidary {

/// What became of one source, or of all together. Tokens count the ids that mark beginning and end.
struct SourceCounts {
    std::string name;
    Index documents = 0;
    Index tokens = 0;
    Index windows = 0;     ///< whole ones in its stream
    Index validation = 0;  ///< of these, held out
    Index samples = 0;     ///< windows in the chunks, repetitions counted
    Index unused = 0;      ///< windows neither held out nor in a chunk
    DiscardCounts discards;

    SourceCounts& operator+=(const SourceCounts& other) {
        documents += other.documents;
        tokens += other.tokens;
        windows += other.windows;
        validation += other.validation;
        samples += other.samples;
        unused += other.unused;
        discards += other.discards;
        return *this;
    }

    [[nodiscard]] Json json() const {
        return {{"name", name},
                {"documents", documents},
                {"tokens", tokens},
                {"windows", windows},
                {"validation_windows", validation},
                {"training_windows", samples},
                {"unused_windows", unused},
                {"discarded", discards.json()}};
    }
};

/// What a preparation wrote.
struct ChunkCounts {
    std::vector<SourceCounts> sources;
    SourceCounts total;
    Index windows_per_chunk = 0;
};

}  // namespace lapidary
