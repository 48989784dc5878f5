// Prints mean absolute activations after a few steps for several widths, with muP and without: with it, a row
// stays flat. Arguments: steps and rate, 10 and 0.01 if not given.

#include "coordinate_check.hpp"

#include <cstdio>
#include <cstdlib>

int main(int argc, char** argv) {
    using namespace coordinate_check;
    const Index steps = argc > 1 ? std::atol(argv[1]) : 10, layers = 4;
    const double rate = argc > 2 ? std::atof(argv[2]) : 0.01;
    Cpu device;
    const Index widths[] = {64, 128, 256, 512, 1024};
    for (const bool mup : {true, false}) {
        std::printf("%s after %ld steps at %g\n%-12s", mup ? "muP" : "\nwithout muP", steps, rate, "width");
        std::vector<std::vector<double>> columns;
        for (const Index width : widths) {
            std::printf("%10ld", width);
            columns.push_back(activations(device, config(width, layers, mup), steps, rate));
        }
        std::printf("\n");
        for (std::size_t row = 0; row < columns[0].size(); ++row) {
            std::printf("%-12s", row == 0                       ? "embedding"
                                 : row + 1 == columns[0].size() ? "logits"
                                                                : ("block " + std::to_string(row - 1)).c_str());
            for (const auto& column : columns) std::printf("%10.4f", column[row]);
            std::printf("\n");
        }
    }
    return 0;
}
