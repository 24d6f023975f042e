-- The numbers that a version begins with, so that versions compare number by number: common/base/version_range.hpp.
create function version_numbers(version text) returns bigint[]
language sql immutable strict parallel safe
as $$
  select string_to_array(
    regexp_replace(substring(version from '^[0-9]{1,15}(?:\.[0-9]{1,15}){0,7}'), '(?:\.0+)+$', ''), '.')::bigint[]
$$;

-- What a model in ONNX asks of the engine that runs it, as its file says; null: it is of another format, or nobody looked.
alter table variants
  add column onnx_opset int,
  add column onnx_ir int;
