# LAPIDARY_CHARTS_JS: Chart.js, which the report's page holds a copy of, where the system's package has put it. Debian
# and Ubuntu have it in libjs-chart.js; any chart.min.js (version 3) or chart.umd.js (4) will do. Nothing is built with
# it: the program `report` reads the file when it runs.
set(prefixes ${CMAKE_PREFIX_PATH})
list(TRANSFORM prefixes APPEND /share)
find_file(LAPIDARY_CHARTS_JS NAMES chart.min.js Chart.min.js chart.umd.js
          HINTS ${prefixes}
          PATHS /usr/share /usr/local/share /usr/lib /usr/local/lib
          PATH_SUFFIXES javascript/chart.js nodejs/chart.js/dist node_modules/chart.js/dist
          NO_CMAKE_FIND_ROOT_PATH
          DOC "Chart.js, for the program report")
if(NOT LAPIDARY_CHARTS_JS)
  message(STATUS "Chart.js was not found: report will ask for it (--charts FILE). Debian and Ubuntu have it in "
                 "libjs-chart.js; one elsewhere is named by -DLAPIDARY_CHARTS_JS=FILE.")
endif()
