// SPDX-License-Identifier: MIT
//
// The JSON that the layout vectors are written in: null, booleans, integers, strings, arrays, objects.
#ifndef ENIGMA_TESTS_LAYOUT_JSON_H
#define ENIGMA_TESTS_LAYOUT_JSON_H

#include <cstdint>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

struct Json {
  enum Kind { Null, Bool, Int, String, Array, Object } kind = Null;
  int64_t number = 0; ///< also the boolean
  std::string text;
  std::vector<Json> items;
  std::vector<std::pair<std::string, Json>> fields;

  Json() = default;
  Json(int64_t n) : kind(Int), number(n) {}
  static Json boolean(bool b) {
    Json j(b);
    j.kind = Bool;
    return j;
  }
  static Json array(std::vector<Json> items = {}) {
    Json j;
    j.kind = Array;
    j.items = std::move(items);
    return j;
  }
  static Json object(std::vector<std::pair<std::string, Json>> fields) {
    Json j;
    j.kind = Object;
    j.fields = std::move(fields);
    return j;
  }
  static Json string(std::string s) {
    Json j;
    j.kind = String;
    j.text = std::move(s);
    return j;
  }
  const Json *find(const char *key) const {
    for (auto &[k, v] : fields)
      if (k == key)
        return &v;
    return nullptr;
  }
  const Json &at(const char *key) const {
    if (const Json *j = find(key))
      return *j;
    throw std::runtime_error(std::string("no field ") + key);
  }
  bool operator==(const Json &) const = default;

  std::string str() const {
    std::string out;
    switch (kind) {
    case Null:
      return "null";
    case Bool:
      return number ? "true" : "false";
    case Int:
      return std::to_string(number);
    case String:
      return '"' + text + '"';
    case Array:
      for (const Json &i : items)
        out += (out.empty() ? "" : ",") + i.str();
      return "[" + out + "]";
    case Object:
      for (auto &[k, v] : fields)
        out += (out.empty() ? "" : ",") + ('"' + k + "\":") + v.str();
      return "{" + out + "}";
    }
    return out;
  }
};

class JsonParser {
public:
  explicit JsonParser(const std::string &text) : p(text.c_str()) {}
  Json parse() {
    skip();
    Json j;
    switch (*p) {
    case '[':
      j.kind = Json::Array;
      list(']', [&] { j.items.push_back(parse()); });
      return j;
    case '{':
      j.kind = Json::Object;
      list('}', [&] {
        skip();
        std::string key = quoted();
        skip();
        expect(':');
        j.fields.emplace_back(key, parse());
      });
      return j;
    case '"':
      return Json::string(quoted());
    case 'n':
      p += 4;
      return j;
    case 't':
      p += 4;
      return Json::boolean(true);
    case 'f':
      p += 5;
      return Json::boolean(false);
    default:
      char *end;
      j = Json(static_cast<int64_t>(std::strtoll(p, &end, 10)));
      if (end == p)
        throw std::runtime_error(std::string("bad JSON at ") + p);
      p = end;
      return j;
    }
  }

private:
  void skip() {
    while (*p == ' ' || *p == '\n')
      ++p;
  }
  void expect(char c) {
    if (*p != c)
      throw std::runtime_error(std::string("bad JSON at ") + p);
    ++p;
  }
  template <class F>
  void list(char close, F item) {
    ++p;
    skip();
    if (*p == close) {
      ++p;
      return;
    }
    for (;;) {
      item();
      skip();
      if (*p == close) {
        ++p;
        return;
      }
      expect(',');
    }
  }
  std::string quoted() {
    expect('"');
    std::string s;
    while (*p != '"') {
      if (*p == '\\')
        ++p;
      s += *p++;
    }
    ++p;
    return s;
  }
  const char *p;
};

#endif
