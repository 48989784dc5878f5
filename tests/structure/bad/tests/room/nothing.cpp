#include "catch.hpp"

TEST_CASE("nothing is checked") {}
