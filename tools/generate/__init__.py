"""Makes native/generated/ and docs/coverage.md from the tables in spec/.

One folder below spec/ is one API. `commands.toml` there says what a guest driver asks of a worker,
`functions.toml` what a program can call. The generator knows neither OpenCL nor any other API:
names, types, headers and error codes come from the tables.
"""
