// Products by cuBLAS against plain loops in double, and that their algorithms stay.

#include "catch.hpp"
#include "gpu.hpp"
#include "support/arrays.hpp"

#include <tuple>

using namespace lapidary;
using namespace lapidary::test;

namespace {

enum class Add { nothing, in_place, another };

/// One product, as it is on the GPU and as it should be.
template <class T, class Out>
struct Case {
    Index rows, columns, depth;
    bool left_transposed = false, right_transposed = false;
    Add add = Add::nothing;
    Index offset = 0;  // elements by which addresses are not aligned

    Values compute(BasicCuda<T>& gpu) const {
        const ScratchScope scope(gpu.scratch());
        const auto left = put<T>(gpu, left_values()), right = put<T>(gpu, right_values());
        const auto addend = put<Out>(gpu, addend_values());
        auto out = addend;
        if (add != Add::in_place) out = put<Out>(gpu, Values::constant(rows * columns, NAN));
        gpu.multiply(Product<T, Out>{rows, columns, depth, left.data, left_transposed, right.data,
                                     right_transposed, out.data, add == Add::nothing ? nullptr : addend.data});
        if (add == Add::another) CHECK(read(addend).data == addend_values().data);  // only read
        return read(out);
    }
    [[nodiscard]] Values exact() const {
        const Values left = left_values(), right = right_values(), addend = addend_values();
        const auto at = [](const Values& of, Index i) { return of.data[static_cast<std::size_t>(i)]; };
        Values out;
        for (Index i = 0; i < rows; ++i) {
            for (Index j = 0; j < columns; ++j) {
                double sum = add == Add::nothing ? 0 : at(addend, i * columns + j);
                for (Index k = 0; k < depth; ++k) {
                    sum += at(left, left_transposed ? k * rows + i : i * depth + k) *
                           at(right, right_transposed ? j * depth + k : k * columns + j);
                }
                out.data.push_back(sum);
            }
        }
        return out;
    }

private:
    template <class Element>
    View<Element, 1> put(BasicCuda<T>& gpu, const Values& values) const {
        const auto count = static_cast<Index>(values.data.size());
        const auto room = gpu.scratch().template allocate<Element, 1>({count + offset});
        return assign(gpu, room.slice(offset, count), values);
    }
    template <class Element>
    static Values representable(Index count, std::uint64_t item) {
        Values values = Values::normal(count, item);
        for (double& value : values.data) value = static_cast<double>(static_cast<Element>(value));
        return values;
    }
    [[nodiscard]] Values left_values() const { return representable<T>(rows * depth, 1); }
    [[nodiscard]] Values right_values() const { return representable<T>(depth * columns, 2); }
    [[nodiscard]] Values addend_values() const { return representable<Out>(rows * columns, 3); }
};

template <class T, class Out>
void check_product(const Case<T, Out>& one) {
    INFO(one.rows << " x " << one.columns << ", depth " << one.depth);
    CHECK(relative_error(one.compute(shared_gpu<T>()), one.exact()) <= (std::is_same_v<Out, bf16> ? 5e-3 : 1e-6));
}

}  // namespace

TEMPLATE_TEST_CASE("products of any shape", "", (std::pair<bf16, bf16>), (std::pair<bf16, float>),
                   (std::pair<float, float>)) {
    using T = typename TestType::first_type;
    using Out = typename TestType::second_type;
    for (const auto& [rows, columns, depth] : {std::tuple<Index, Index, Index>{1, 1, 1},
                                               {3, 5, 7},
                                               {64, 48, 32},
                                               {1, 96, 200},
                                               {33, 1, 129},
                                               {200, 136, 1},
                                               {65, 24, 515},
                                               {7, 4, 0},
                                               {0, 3, 2},
                                               {4, 0, 2}}) {
        for (const bool left : {false, true}) {
            for (const bool right : {false, true}) {
                for (const Add add : {Add::nothing, Add::in_place, Add::another})
                    check_product<T, Out>({rows, columns, depth, left, right, add});
            }
        }
        check_product<T, Out>({rows, columns, depth, false, true, Add::in_place, 1});
    }
}

TEST_CASE("an algorithm that was chosen stays, also on another device") {
    const Case<bf16, float> sum{256, 384, 4096, true, false, Add::in_place};
    auto& gpu = shared_gpu<bf16>();
    const Values first = sum.compute(gpu);
    for (int i = 0; i < 5; ++i) CHECK(sum.compute(gpu).data == first.data);

    Cuda tuned({.scratch_bytes = std::size_t{1} << 28, .tune_products = true});
    // Multipliers of matrices cut what they add; an algorithm that sums all 4096 terms in them has more of it.
    CHECK(relative_error(sum.compute(tuned), sum.exact()) <= 5e-6);
    const ProductTable table = tuned.product_table();
    REQUIRE(table.products.size() == 1);
    CHECK(table.gpu == gpu.name());
    Cuda other({.scratch_bytes = std::size_t{1} << 28});
    other.pin_products(table);
    CHECK(sum.compute(other).data == sum.compute(tuned).data);
    CHECK(other.product_table().products[0].algorithm == table.products[0].algorithm);

    ProductTable strange = table;
    strange.gpu = "Voodoo 2";
    CHECK_THROWS_WITH(other.pin_products(strange), ContainsSubstring("on Voodoo 2 with "));
}

TEST_CASE("algorithms are written and read as they are", "[none]") {
    detail::ProductAlgorithm algorithm;
    for (std::uint64_t& word : algorithm.value.data) word = 0x0123456789abcdefULL * (&word - algorithm.value.data);
    const PinnedProduct pinned{"3 x 5", detail::to_hex(algorithm)};
    CHECK(pinned.algorithm.size() == 128);
    CHECK(pinned.algorithm.substr(16, 16) == "0123456789abcdef");
    CHECK(detail::to_hex(detail::from_hex(pinned)) == pinned.algorithm);
    CHECK_THROWS_WITH(detail::from_hex({"3 x 5", "0123"}), ContainsSubstring("'3 x 5' is not 128 hexadecimal"));
    CHECK_THROWS_AS(detail::from_hex({"", std::string(128, 'g')}), Error);
    const ProductTable here{"13.1.0", "NVIDIA H200", 132, 0, {}}, newer{"13.2.0", "NVIDIA H200", 132, 0, {}};
    CHECK_NOTHROW(detail::require_same_products(here, here));
    CHECK_THROWS_WITH(detail::require_same_products(newer, here),
                      ContainsSubstring("those of cuBLAS 13.2.0 on NVIDIA H200 with 132 multiprocessors, but this "
                                        "is cuBLAS 13.1.0 on"));
}

TEST_CASE("a product's key says all that its algorithm depends on", "[none]") {
    alignas(16) static bf16 left[64], right[64];
    alignas(16) static float out[64];
    Product<bf16, float> product{2, 3, 4, left, true, right, false, out, nullptr};
    CHECK(detail::product_text(detail::product_key(product)) ==
          "2 x 3, depth 4, bf16 to float, left transposed, aligned to 16");
    product.addend = out;
    product.right = right + 3;
    CHECK(detail::product_text(detail::product_key(product)) ==
          "2 x 3, depth 4, bf16 to float, left transposed, added in place, aligned to 2");
}
