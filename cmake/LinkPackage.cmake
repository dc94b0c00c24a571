# SPDX-License-Identifier: MIT
# Mirrors the Python package FROM as symbolic links in TO, beside what is built there, and drops links whose file is
# gone. Run by the target enigma-python.
file(GLOB_RECURSE sources RELATIVE "${FROM}" "${FROM}/*.py" "${FROM}/*.pyi" "${FROM}/py.typed")
foreach(source ${sources})
  if(NOT EXISTS "${TO}/${source}" OR NOT IS_SYMLINK "${TO}/${source}")
    get_filename_component(folder "${TO}/${source}" DIRECTORY)
    file(MAKE_DIRECTORY "${folder}")
    file(CREATE_LINK "${FROM}/${source}" "${TO}/${source}" SYMBOLIC)
  endif()
endforeach()
file(GLOB_RECURSE links LIST_DIRECTORIES false "${TO}/*.py" "${TO}/*.pyi" "${TO}/py.typed")
foreach(link ${links})
  if(IS_SYMLINK "${link}" AND NOT EXISTS "${link}")
    file(REMOVE "${link}")
  endif()
endforeach()
