#pragma once

#include <Eigen/Core>
#include <nlohmann/json.hpp>
