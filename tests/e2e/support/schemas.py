# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
"""JSON held to the published schemas."""

import json

import jsonschema

from support.programs import TOP


def validator(program, definition):
    """Of one kind of object. An integer is a number without a point: 1.0 is none."""
    schema = json.loads((TOP / f"docs/schema/{program}.schema.json").read_text())
    types = jsonschema.Draft202012Validator.TYPE_CHECKER.redefine(
        "integer", lambda _, value: isinstance(value, int) and not isinstance(value, bool))
    strict = jsonschema.validators.extend(jsonschema.Draft202012Validator, type_checker=types)
    strict.check_schema(schema)
    return strict({**{key: schema[key] for key in ("$schema", "$defs")}, "$ref": f"#/$defs/{definition}"})


SAMPLE = validator("xdp_stats", "sample")
JUDGEMENT = validator("xdp_stats", "judgement")
DOCUMENT = validator("xdp_loader", "document")
TEST_RUN = validator("xdp_loader", "test_run")
PROGRAM_LIST = validator("xdp_loader", "program_list")
ERRORS = {name: validator(name, "error_line") for name in ("xdp_stats", "xdp_loader")}


def checked(kind, text):
    """One line with one object of this kind."""
    assert text.endswith("\n") and text.count("\n") == 1, text
    value = json.loads(text)
    kind.validate(value)
    return value


def errors_of(program, result):
    """All of stderr: a line of JSON for each error."""
    return [checked(ERRORS[program], line)["error"] for line in result.err.splitlines(keepends=True)]


def samples_of(result):
    samples = [checked(SAMPLE, line) for line in result.out.splitlines(keepends=True)]
    for sample in samples:
        for rates in (*sample["actions"].values(), sample["total"]):
            assert (rates["pps"] is None) == (rates["bps"] is None) == (sample["period"] == 0)
    return samples
