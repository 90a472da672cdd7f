"""All 84 functions, in the order of their families on
https://learn.microsoft.com/azure/data-factory/control-flow-expression-language-functions. Nothing else is a function.

Names are compared without case. Numbers of arguments are the page's; where it says "at least two" of ``concat`` and
``createArray``, one is taken, too, as the Workflow Definition Language does (inferred).
"""

from __future__ import annotations

from toolkit.pipelines.expressions.functions import arithmetic, collections, conversion, dates, logical, strings
from toolkit.pipelines.expressions.functions.signature import Function

FUNCTIONS: tuple[Function, ...] = (
    Function("concat", 1, None, "string", strings.concat),
    Function("endsWith", 2, 2, "string", strings.ends_with),
    Function("guid", 0, 1, "string", strings.guid),
    Function("indexOf", 2, 2, "string", strings.index_of),
    Function("lastIndexOf", 2, 2, "string", strings.last_index_of),
    Function("replace", 3, 3, "string", strings.replace),
    Function("split", 2, 2, "string", strings.split),
    Function("startsWith", 2, 2, "string", strings.starts_with),
    Function("substring", 3, 3, "string", strings.substring),
    Function("toLower", 1, 1, "string", strings.to_lower),
    Function("toUpper", 1, 1, "string", strings.to_upper),
    Function("trim", 1, 1, "string", strings.trim),
    # collection
    Function("contains", 2, 2, "collection", collections.contains),
    Function("empty", 1, 1, "collection", collections.empty),
    Function("first", 1, 1, "collection", collections.first),
    Function("intersection", 2, None, "collection", collections.intersection),
    Function("join", 2, 2, "collection", collections.join),
    Function("last", 1, 1, "collection", collections.last),
    Function("length", 1, 1, "collection", collections.length),
    Function("skip", 2, 2, "collection", collections.skip),
    Function("take", 2, 2, "collection", collections.take),
    Function("union", 2, None, "collection", collections.union),
    # logical
    Function("and", 2, 2, "logical", logical.and_, "lazy"),
    Function("equals", 2, 2, "logical", logical.equals),
    Function("greater", 2, 2, "logical", logical.greater),
    Function("greaterOrEquals", 2, 2, "logical", logical.greater_or_equals),
    Function("if", 3, 3, "logical", logical.if_, "lazy"),
    Function("less", 2, 2, "logical", logical.less),
    Function("lessOrEquals", 2, 2, "logical", logical.less_or_equals),
    Function("not", 1, 1, "logical", logical.not_),
    Function("or", 2, 2, "logical", logical.or_, "lazy"),
    # conversion
    Function("array", 1, 1, "conversion", conversion.array),
    Function("base64", 1, 1, "conversion", conversion.base64),
    Function("base64ToBinary", 1, 1, "conversion", conversion.base64_to_binary),
    Function("base64ToString", 1, 1, "conversion", conversion.base64_to_string),
    Function("binary", 1, 1, "conversion", conversion.binary_),
    Function("bool", 1, 1, "conversion", conversion.bool_),
    Function("coalesce", 1, None, "conversion", conversion.coalesce),
    Function("createArray", 1, None, "conversion", conversion.create_array),
    Function("dataUri", 1, 1, "conversion", conversion.data_uri),
    Function("dataUriToBinary", 1, 1, "conversion", conversion.data_uri_to_binary),
    Function("dataUriToString", 1, 1, "conversion", conversion.data_uri_to_string),
    Function("decodeBase64", 1, 1, "conversion", conversion.decode_base64),
    Function("decodeDataUri", 1, 1, "conversion", conversion.decode_data_uri),
    Function("decodeUriComponent", 1, 1, "conversion", conversion.decode_uri_component),
    Function("encodeUriComponent", 1, 1, "conversion", conversion.encode_uri_component),
    Function("float", 1, 1, "conversion", conversion.float_),
    Function("int", 1, 1, "conversion", conversion.int_),
    Function("json", 1, 1, "conversion", conversion.json),
    Function("string", 1, 1, "conversion", conversion.string),
    Function("uriComponent", 1, 1, "conversion", conversion.uri_component),
    Function("uriComponentToBinary", 1, 1, "conversion", conversion.uri_component_to_binary),
    Function("uriComponentToString", 1, 1, "conversion", conversion.uri_component_to_string),
    Function("xml", 1, 1, "conversion", conversion.xml),
    Function("xpath", 2, 2, "conversion", conversion.xpath),
    # math
    Function("add", 2, 2, "math", arithmetic.add),
    Function("div", 2, 2, "math", arithmetic.div),
    Function("max", 1, None, "math", arithmetic.max_),
    Function("min", 1, None, "math", arithmetic.min_),
    Function("mod", 2, 2, "math", arithmetic.mod),
    Function("mul", 2, 2, "math", arithmetic.mul),
    Function("rand", 2, 2, "math", arithmetic.rand),
    Function("range", 2, 2, "math", arithmetic.range_),
    Function("sub", 2, 2, "math", arithmetic.sub),
    # date
    Function("addDays", 2, 3, "date", dates.add_days),
    Function("addHours", 2, 3, "date", dates.add_hours),
    Function("addMinutes", 2, 3, "date", dates.add_minutes),
    Function("addSeconds", 2, 3, "date", dates.add_seconds),
    Function("addToTime", 3, 4, "date", dates.add_to_time),
    Function("convertFromUtc", 2, 3, "date", dates.convert_from_utc),
    Function("convertTimeZone", 3, 4, "date", dates.convert_time_zone),
    Function("convertToUtc", 2, 3, "date", dates.convert_to_utc),
    Function("dayOfMonth", 1, 1, "date", dates.day_of_month),
    Function("dayOfWeek", 1, 1, "date", dates.day_of_week),
    Function("dayOfYear", 1, 1, "date", dates.day_of_year),
    Function("formatDateTime", 1, 2, "date", dates.format_date_time),
    Function("getFutureTime", 2, 3, "date", dates.get_future_time, "clock"),
    Function("getPastTime", 2, 3, "date", dates.get_past_time, "clock"),
    Function("startOfDay", 1, 2, "date", dates.start_of_day),
    Function("startOfHour", 1, 2, "date", dates.start_of_hour),
    Function("startOfMonth", 1, 2, "date", dates.start_of_month),
    Function("subtractFromTime", 3, 4, "date", dates.subtract_from_time),
    Function("ticks", 1, 1, "date", dates.ticks),
    Function("utcNow", 0, 1, "date", dates.utc_now, "clock"),
)

_BY_NAME = {function.name.lower(): function for function in FUNCTIONS}


def function_named(name: str) -> Function | None:
    return _BY_NAME.get(name.lower())
