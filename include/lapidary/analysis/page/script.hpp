#pragma once

#include <lapidary/analysis/page/script_base.hpp>
#include <lapidary/analysis/page/script_charts.hpp>
#include <lapidary/analysis/page/script_data.hpp>
#include <lapidary/analysis/page/script_evaluation.hpp>
#include <lapidary/analysis/page/script_matrix.hpp>
#include <lapidary/analysis/page/script_memorization.hpp>
#include <lapidary/analysis/page/script_record.hpp>
#include <lapidary/analysis/page/script_samples.hpp>
#include <lapidary/analysis/page/script_sequences.hpp>
#include <lapidary/analysis/page/script_start.hpp>
#include <lapidary/analysis/page/script_training.hpp>

#include <string>
#include <string_view>

namespace lapidary::page {

/// The script of the page: one function, whose parts see each other and nobody else does.
inline std::string script() {
    std::string text = "(() => {\n\"use strict\";\n";
    for (const std::string_view part :
         {script_base, script_charts, script_matrix, script_training, script_evaluation, script_memorization,
          script_sequences, script_data, script_samples, script_record, script_start}) {
        text += part;
    }
    return text + "})();\n";
}

}  // namespace lapidary::page
