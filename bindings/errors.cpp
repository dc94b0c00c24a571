// SPDX-License-Identifier: MIT
//
// Which exception class an error becomes, and how its text is rendered, is Python's to say: enigma/errors.py.
#include "errors.h"

#include "trace.h"

#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

namespace enigma::bindings {
namespace {

constexpr const char *classNames[] = {"EnigmaError", "TraceError",       "LayoutError", "CompileError",
                                      "LaunchError", "OutOfBoundsError", "DeviceError", "UnsupportedError"};

nb::object makeException(const char *className, const Error &error) {
  const SourceLoc &loc = error.loc();
  nb::list notes;
  for (const std::string &note : error.notes())
    notes.append(nb::str(note.data(), note.size()));
  return nb::module_::import_("enigma.errors")
      .attr("from_core")(className, error.message(), loc.file, loc.line, loc.col, loc.endLine, loc.endCol,
                         notes);
}

void setException(nb::handle exception) { PyErr_SetObject(exception.type().ptr(), exception.ptr()); }

// An argument of the wrong type: thrown as C++ so that it passes through the same doors as the rest.
class ArgumentTypeError : public Error {
public:
  using Error::Error;
};

const char *classOf(const Error &error) {
  if (!dynamic_cast<const ArgumentTypeError *>(&error))
    return classNames[static_cast<int>(error.kind())];
  return error.kind() == ErrorKind::Layout ? "LayoutTypeError" : "LaunchTypeError";
}

// The algebra of layouts knows no places: its errors are at the user's line that called it.
Error placed(const Error &error) {
  return Error(error.kind(), error.message(), callerLocation(), error.notes());
}

} // namespace

void setPythonError(const Error &error) {
  try {
    bool isPlaced = error.kind() != ErrorKind::Layout || error.loc();
    nb::object exception = makeException(classOf(error), isPlaced ? error : placed(error));
    if (error.kind() == ErrorKind::Trace && currentTrace && !currentTrace->error)
      currentTrace->error = exception;
    setException(exception);
  } catch (nb::python_error &failure) {
    failure.restore();
  }
}

void setAttributeError(const Error &error) {
  try {
    setException(makeException("TraceAttributeError", error));
  } catch (nb::python_error &failure) {
    failure.restore();
  }
}

void setPythonErrorFromCurrent() noexcept {
  try {
    throw;
  } catch (const Error &error) {
    setPythonError(error);
  } catch (nb::python_error &error) {
    error.restore();
  } catch (nb::builtin_exception &error) {
    PyErr_SetString(error.type() == nb::exception_type::type_error ? PyExc_TypeError : PyExc_RuntimeError,
                    error.what());
  } catch (const std::bad_alloc &) {
    PyErr_NoMemory();
  } catch (const std::exception &error) {
    PyErr_SetString(PyExc_RuntimeError, error.what());
  }
}

void failArgumentType(std::string message, std::vector<std::string> notes) {
  throw ArgumentTypeError(ErrorKind::Launch, std::move(message), {}, std::move(notes));
}

void failLayoutType(std::string message) {
  throw ArgumentTypeError(ErrorKind::Layout, std::move(message), {}, {});
}

void bindErrors(nb::module_ &module) {
  nb::register_exception_translator([](const std::exception_ptr &pointer, void *) {
    try {
      std::rethrow_exception(pointer);
    } catch (const Error &error) {
      setPythonError(error);
    }
  });
  module.def(
      "render",
      [](const std::string &message, const std::string &file, uint32_t line, uint32_t column,
         uint32_t endLine, uint32_t endColumn, const std::string &sourceLine,
         const std::vector<std::string> &notes) {
        return render(message, {file, line, column, endLine, endColumn}, sourceLine, notes);
      },
      "The text of an error: the message, its place with the source line and a caret, and the notes.");
  module.def(
      "fail",
      [](std::string message, std::vector<std::string> notes) {
        throw Error(ErrorKind::Trace, std::move(message), callerLocation(), std::move(notes));
      },
      nb::arg("message"), nb::arg("notes") = std::vector<std::string>(),
      "Raises a TraceError at the user's line that is running.");
}

} // namespace enigma::bindings
