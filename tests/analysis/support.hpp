#pragma once

#include "data/prepared.hpp"
#include "io/support.hpp"

#include <lapidary/analysis/memorization_sample.hpp>

#include <vector>

namespace lapidary::test {

using io_test::TemporaryDirectory;

/// Prepared data of two sources, four chunks, windows of `context` + 1 ids below `vocabulary`.
inline TokenChunks small_data(const std::filesystem::path& directory, Index context, Index vocabulary,
                              Index batch = 2) {
    HandData data = cut_streams({{900, 100, 500}, {700}}, context, context + 1, 4, vocabulary - 3);
    data.vocabulary = vocabulary;
    write_prepared(directory, data);
    return TokenChunks(directory, {.batch_size = batch, .seed = 5});
}

}  // namespace lapidary::test
