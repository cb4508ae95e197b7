# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
"""Every text of src/ that a hint can consist of, and every other one with a command in backquotes.

A text is a string literal as the compiler sees it: neighbours joined, `{}` left as they are. It is found where a hint
is given: `.with_hint(...)`, an assignment to something called hint, a parameter or a member called hint. What such an
expression gets from constants, and from functions of the same file, counts as well.
"""

import re
from collections import namedtuple

from support.programs import TOP

Token = namedtuple("Token", "kind text line")  # kinds: string, name, mark
Text = namedtuple("Text", "text where")

LEXEME = re.compile(r"""
    (?P<comment>//[^\n]*|/\*.*?\*/|^[ \t]*\#[ \t]*include[^\n]*)
  | R"(?P<fence>[^\s()]*)\((?P<raw>.*?)\)(?P=fence)"
  | "(?P<string>(?:\\.|[^"\\\n])*)"
  | \d(?:'?\w)*
  | '(?:\\.|[^'\\])+'
  | (?P<name>[A-Za-z_]\w*)
  | (?P<mark>\+=|==|!=|<=|>=|->|::|&&|\|\||[^\s\w])
""", re.VERBOSE | re.DOTALL | re.MULTILINE)
HINT = re.compile(r"(?:hint|next_command|choice_note)_?")
ESCAPE = re.compile(r"\\(x[0-9A-Fa-f]{1,2}|.)")
NO_TEXT = ("contains", "starts_with", "is_one_of", "find", "shell_option")  # what their arguments are
OPENING, CLOSING = "([{", ")]}"
# What --help prints is no hint.
DESCRIBES_OPTIONS = "option_table.h"
LINES_OF_HELP = 3


def unescape(text):
    return ESCAPE.sub(lambda match: {"n": "\n", "t": "\t"}.get(match[1], match[1]), text)


def tokens_of(code):
    """Neighbouring string literals are one."""
    tokens, line, counted = [], 1, 0
    for match in LEXEME.finditer(code):
        line += code.count("\n", counted, match.start())
        counted = match.start()
        if match["string"] is not None or match["raw"] is not None:
            text = match["raw"] if match["string"] is None else unescape(match["string"])
            if tokens and tokens[-1].kind == "string":
                tokens[-1] = tokens[-1]._replace(text=tokens[-1].text + text)
            else:
                tokens.append(Token("string", text, line))
        elif match["name"] or match["mark"]:
            tokens.append(Token("name" if match["name"] else "mark", match["name"] or match["mark"], line))
    return tokens


def closing(tokens, start):
    """The index of what closes the bracket at `start`."""
    depth = 0
    for index in range(start, len(tokens)):
        if tokens[index].kind == "mark":
            depth += (tokens[index].text in OPENING) - (tokens[index].text in CLOSING)
        if depth == 0:
            return index
    return len(tokens)


def arguments(tokens, start):
    """The parts between the bracket at `start` and its end, each a list of tokens."""
    parts, depth = [[]], 0
    for token in tokens[start + 1:closing(tokens, start)]:
        if token.kind == "mark":
            depth += (token.text in OPENING) - (token.text in CLOSING)
        if depth == 0 and token.text == "," and token.kind == "mark":
            parts.append([])
        else:
            parts[-1].append(token)
    return parts


def statement(tokens, start):
    """Until the semicolon."""
    end, depth = start, 0
    while end < len(tokens) and not (depth == 0 and tokens[end].text in (";", ")") and tokens[end].kind == "mark"):
        if tokens[end].kind == "mark":
            depth += (tokens[end].text in OPENING) - (tokens[end].text in CLOSING)
        end += 1
    return tokens[start:end]


def is_text(text):
    """Neither a separator nor a piece of punctuation between other texts."""
    return "`" in text or re.search(r"--[a-z]|[a-z]{2,}\W+(?:\S+ )*[a-z]{2,}|#include", text) is not None


class Source:
    def __init__(self, path):
        self.name = str(path.relative_to(TOP))
        self.folder = path.parent
        self.tokens = tokens_of(path.read_text())

    def followed_by(self, *marks):
        """(index, token) of every name with one of these marks behind it."""
        for index, token in enumerate(self.tokens[:-1]):
            if token.kind == "name" and self.tokens[index + 1].kind == "mark" and self.tokens[index + 1].text in marks:
                yield index, token

    def returned_by(self, name):
        """What the functions of this name that are defined here return, unless that is an error."""
        for index, token in self.followed_by("("):
            end = closing(self.tokens, index + 1)
            if token.text != name or end + 1 >= len(self.tokens) or self.tokens[end + 1].text != "{":
                continue
            body = range(end + 1, closing(self.tokens, end + 1))
            if not any(self.tokens[each].text == "make_error" for each in body):
                yield from (statement(self.tokens, each + 1) for each in body if self.tokens[each].text == "return")

    def constants(self):
        """{name: the text it is}."""
        named = {token.text: statement(self.tokens, index + 2) for index, token in self.followed_by("=")
                 if re.match(r"k[A-Z]", token.text)}
        return {name: value[0] for name, value in named.items() if [part.kind for part in value] == ["string"]}


def hint_parameters(source):
    """{function or type: index of the argument that is called hint}, as this file has it."""
    found = {}
    for index, token in source.followed_by("(", "{"):
        parts = arguments(source.tokens, index + 1)
        if source.tokens[index + 1].text == "(":
            for number, part in enumerate(parts):
                words = [each.text for each in part]
                names = [each.text for each in part if each.kind == "name"]
                if len(names) > 1 and names[-1] == "hint" and "." not in words:
                    found[token.text] = number
        elif index and source.tokens[index - 1].text == "struct":
            members = [[each.text for each in part if each.kind == "name"]
                       for part in members_of(source.tokens, index + 1)]
            for number, names in enumerate(members):
                if names and names[-1] == "hint" and len(members) <= 3:
                    found[token.text] = number
    return found


def members_of(tokens, start):
    parts, depth = [[]], 0
    for token in tokens[start + 1:closing(tokens, start)]:
        if token.kind == "mark":
            depth += (token.text in OPENING) - (token.text in CLOSING)
        if depth == 0 and token.text == ";":
            parts.append([])
        else:
            parts[-1].append(token)
    return parts


def expressions(source, parameters):
    """What hints are made from: lists of tokens."""
    tokens = source.tokens
    for index, token in source.followed_by("("):
        if token.text == "with_hint":
            yield tokens[index + 2:closing(tokens, index + 1)]
    for index, token in source.followed_by("=", "+="):
        if HINT.fullmatch(token.text):
            yield statement(tokens, index + 2)
    for index, token in source.followed_by("(", "{"):
        if token.text in parameters:
            parts = arguments(tokens, index + 1)
            if parameters[token.text] < len(parts):
                yield parts[parameters[token.text]]
    for index, token in enumerate(tokens[:-6]):  # Type NAME[] = {{...}, {...}}
        if token.text in parameters and [each.text for each in tokens[index + 2:index + 6]] == ["[", "]", "=", "{"]:
            for part in arguments(tokens, index + 5):
                if part and part[0].text == "{":
                    yield arguments(part, 0)[parameters[token.text]]


def resolved(source, constants, tokens, seen):
    """The texts of an expression, and of what it names; not those that something is compared with,
    and no option that gets a value: that stands within a command."""
    index = 0
    while index < len(tokens):
        token = tokens[index]
        if token.text in NO_TEXT and token.kind == "name":
            index = closing(tokens, index + 1)
        elif token.kind == "string":
            yield token
        elif token.kind == "name" and token.text not in seen:
            seen.add(token.text)
            if token.text in constants:
                yield constants[token.text]
            for returned in source.returned_by(token.text):
                yield from resolved(source, constants, returned, seen)
        index += 1


def texts():
    """All of them, each once: {text: where it is first}."""
    files = [Source(path) for path in sorted((TOP / "src").rglob("*")) if path.suffix in (".cpp", ".h")]
    constants, of_headers = {}, {}
    for source in files:
        constants.update(source.constants())
        if source.name.endswith(".h"):
            of_headers.update({name: (index, source.folder) for name, index in hint_parameters(source).items()})
    found = {}
    for source in files:
        known = {name: index for name, (index, folder) in of_headers.items()
                 if source.folder == folder or name[0].isupper()}
        parameters = {**known, **hint_parameters(source)}
        parameters.pop("with_hint", None)
        hints = [token for expression in expressions(source, parameters)
                 for token in resolved(source, constants, expression, set())]
        others = [token for token in source.tokens if token.kind == "string" and "`" in token.text
                  and token.text.count("\n") < LINES_OF_HELP and not source.name.endswith(DESCRIBES_OPTIONS)]
        for token in [*hints, *others]:
            if is_text(token.text):
                found.setdefault(token.text.strip("; "), f"{source.name}:{token.line}")
    return found
