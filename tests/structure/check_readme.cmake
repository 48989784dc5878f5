# cmake -DROOT=<source tree> -P check_readme.cmake: the program in the README is examples/quickstart.cpp to the letter,
# and every file the README links to exists.

file(READ ${ROOT}/README.md readme)
file(READ ${ROOT}/examples/quickstart.cpp program)
string(FIND "${readme}" "```cpp\n${program}```" position)
if(position EQUAL -1)
  message(SEND_ERROR "README.md does not show examples/quickstart.cpp as it is")
endif()

string(REPLACE "](" "@(" readme "${readme}")  # a square bracket would glue list elements together
string(REGEX MATCHALL "@\\([a-zA-Z0-9_/.-]+\\)" links "${readme}")
list(LENGTH links count)
if(count LESS 5)
  message(SEND_ERROR "found only ${count} links in README.md")
endif()
foreach(link IN LISTS links)
  string(REGEX REPLACE "@\\((.*)\\)" "\\1" path ${link})
  if(NOT EXISTS ${ROOT}/${path})
    message(SEND_ERROR "README.md links to ${path}, which does not exist")
  endif()
endforeach()
