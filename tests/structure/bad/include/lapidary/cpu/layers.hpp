#pragma once

#include <lapidary/nn/layer.hpp>
