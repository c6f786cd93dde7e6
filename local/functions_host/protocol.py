"""The messages a Functions host and its Python worker exchange, made at run time.

Names, numbers and enums are those of the public FunctionRpc.proto (Azure/azure-functions-language-worker-protobuf).
Only what the worker library touches is here, one message a line, in a notation of its own: `number type name`, where
`[T]` is repeated, `{T}` a map from string, and `/group` after the name puts the field into that oneof.
"""

from types import SimpleNamespace

from google.protobuf import descriptor_pb2, descriptor_pool, duration_pb2, message_factory, timestamp_pb2

PACKAGE = "AzureFunctionsRpcMessages"

_MESSAGES = """
StreamingMessage: 1 string request_id, 17 WorkerInitRequest worker_init_request/content, \
 16 WorkerInitResponse worker_init_response/content, 8 FunctionLoadRequest function_load_request/content, \
 9 FunctionLoadResponse function_load_response/content, 4 InvocationRequest invocation_request/content, \
 5 InvocationResponse invocation_response/content, 29 FunctionsMetadataRequest functions_metadata_request/content, \
 30 FunctionMetadataResponse function_metadata_response/content
WorkerInitRequest: 1 string host_version, 2 {string} capabilities, 4 string worker_directory, \
 5 string function_app_directory
WorkerInitResponse: 1 string worker_version, 2 {string} capabilities, 3 StatusResult result, \
 4 WorkerMetadata worker_metadata
WorkerMetadata: 1 string runtime_name, 2 string runtime_version, 3 string worker_version, 4 string worker_bitness, \
 5 {string} custom_properties
StatusResult: 4 StatusResult.Status status, 1 string result, 2 RpcException exception
RpcException: 3 string source, 1 string stack_trace, 2 string message, 4 bool is_user_exception, 5 string type
FunctionEnvironmentReloadResponse: 1 WorkerMetadata worker_metadata, 2 {string} capabilities, 3 StatusResult result
FunctionsMetadataRequest: 1 string function_app_directory
FunctionMetadataResponse: 1 [RpcFunctionMetadata] function_metadata_results, 2 StatusResult result, \
 3 bool use_default_metadata_indexing
RpcFunctionMetadata: 4 string name, 1 string directory, 2 string script_file, 3 string entry_point, \
 6 {BindingInfo} bindings, 7 bool is_proxy, 8 StatusResult status, 9 string language, 10 [string] raw_bindings, \
 13 string function_id, 14 bool managed_dependency_enabled, 15 RpcRetryOptions retry_options, 16 {string} properties
BindingInfo: 2 string type, 3 BindingInfo.Direction direction, 4 BindingInfo.DataType data_type, \
 5 {string} properties
RpcRetryOptions: 2 int32 max_retry_count, 3 google.protobuf.Duration delay_interval, \
 4 google.protobuf.Duration minimum_interval, 5 google.protobuf.Duration maximum_interval, \
 6 RpcRetryOptions.RetryStrategy retry_strategy
FunctionLoadRequest: 1 string function_id, 2 RpcFunctionMetadata metadata, 3 bool managed_dependency_enabled
FunctionLoadResponse: 1 string function_id, 2 StatusResult result, 3 bool is_dependency_downloaded
InvocationRequest: 1 string invocation_id, 2 string function_id, 3 [ParameterBinding] input_data, \
 4 {TypedData} trigger_metadata, 5 RpcTraceContext trace_context, 6 RetryContext retry_context
InvocationResponse: 1 string invocation_id, 2 [ParameterBinding] output_data, 4 TypedData return_value, \
 3 StatusResult result
RpcTraceContext: 1 string trace_parent, 2 string trace_state, 3 {string} attributes
RetryContext: 1 int32 retry_count, 2 int32 max_retry_count, 3 RpcException exception
ParameterBinding: 1 string name, 2 TypedData data/rpc_data, 3 RpcSharedMemory rpc_shared_memory/rpc_data
RpcSharedMemory: 1 string name, 2 int64 offset, 3 int64 count
TypedData: 1 string string/data, 2 string json/data, 3 bytes bytes/data, 4 bytes stream/data, 5 RpcHttp http/data, \
 6 sint64 int/data, 7 double double/data, 8 CollectionBytes collection_bytes/data, \
 9 CollectionString collection_string/data, 10 CollectionDouble collection_double/data, \
 11 CollectionSInt64 collection_sint64/data, 12 ModelBindingData model_binding_data/data, \
 13 CollectionModelBindingData collection_model_binding_data/data
CollectionString: 1 [string] string
CollectionBytes: 1 [bytes] bytes
CollectionDouble: 1 [double] double
CollectionSInt64: 1 [sint64] sint64
ModelBindingData: 1 string version, 2 string source, 3 string content_type, 4 bytes content
CollectionModelBindingData: 1 [ModelBindingData] model_binding_data
RpcHttp: 1 string method, 2 string url, 3 {string} headers, 4 TypedData body, 10 {string} params, \
 12 string status_code, 15 {string} query, 16 bool enable_content_negotiation, 17 TypedData rawBody, \
 19 [RpcHttpCookie] cookies, 20 {NullableString} nullable_headers, 21 {NullableString} nullable_params, \
 22 {NullableString} nullable_query
RpcHttpCookie: 1 string name, 2 string value, 3 NullableString domain, 4 NullableString path, \
 5 NullableTimestamp expires, 6 NullableBool secure, 7 NullableBool http_only, 8 RpcHttpCookie.SameSite same_site, \
 9 NullableDouble max_age
NullableString: 1 string value/string
NullableDouble: 1 double value/double
NullableBool: 1 bool value/bool
NullableTimestamp: 1 google.protobuf.Timestamp value/timestamp
"""

_ENUMS = {
    "StatusResult.Status": ("Failure", "Success", "Cancelled"),
    "BindingInfo.Direction": ("in", "out", "inout"),
    "BindingInfo.DataType": ("undefined", "string", "binary", "stream"),
    "RpcRetryOptions.RetryStrategy": ("exponential_backoff", "fixed_delay"),
    "RpcHttpCookie.SameSite": ("None", "Lax", "Strict", "ExplicitNone"),
}

_FIELD = descriptor_pb2.FieldDescriptorProto
_SCALARS = {
    "string": _FIELD.TYPE_STRING,
    "bytes": _FIELD.TYPE_BYTES,
    "bool": _FIELD.TYPE_BOOL,
    "int32": _FIELD.TYPE_INT32,
    "int64": _FIELD.TYPE_INT64,
    "sint64": _FIELD.TYPE_SINT64,
    "double": _FIELD.TYPE_DOUBLE,
}


def messages() -> SimpleNamespace:
    """The message classes by name, as the worker library expects its `protos`.

    The classes are the same at every call: they come from one descriptor pool of this module. `Timestamp` is among them
    because a cookie's expiry must be of the same pool as the message that holds it.
    """
    full_names = {name: f"{PACKAGE}.{name}" for name in _NAMES} | {"Timestamp": "google.protobuf.Timestamp"}
    found = {name: _POOL.FindMessageTypeByName(full_name) for name, full_name in full_names.items()}
    return SimpleNamespace(**{name: message_factory.GetMessageClass(each) for name, each in found.items()})


def _file() -> descriptor_pb2.FileDescriptorProto:
    file = descriptor_pb2.FileDescriptorProto(name="FunctionRpc.proto", package=PACKAGE, syntax="proto3")
    file.dependency.extend([duration_pb2.DESCRIPTOR.name, timestamp_pb2.DESCRIPTOR.name])
    for line in _MESSAGES.strip().splitlines():
        name, _, fields = line.partition(":")
        message = file.message_type.add(name=name)
        for enum_name, values in _ENUMS.items():
            if enum_name.startswith(f"{name}."):
                enum = message.enum_type.add(name=enum_name.partition(".")[2])
                for number, value in enumerate(values):
                    enum.value.add(name=value, number=number)
        for field in fields.split(","):
            _add_field(message, *field.split())
    return file


def _add_field(message: descriptor_pb2.DescriptorProto, number: str, kind: str, name: str) -> None:
    name, _, group = name.partition("/")
    field = message.field.add(name=name, number=int(number), label=_FIELD.LABEL_OPTIONAL)
    if group:
        groups = [each.name for each in message.oneof_decl]
        if group not in groups:
            message.oneof_decl.add(name=group)
            groups.append(group)
        field.oneof_index = groups.index(group)
    if kind[0] in "[{":
        field.label = _FIELD.LABEL_REPEATED
    if kind[0] == "{":
        # protobuf's own form of a map: a repeated nested message of key and value, named after the field.
        entry = message.nested_type.add(name="".join(part.title() for part in name.split("_")) + "Entry")
        entry.options.map_entry = True
        entry.field.add(name="key", number=1, label=_FIELD.LABEL_OPTIONAL, type=_FIELD.TYPE_STRING)
        _set_type(entry.field.add(name="value", number=2, label=_FIELD.LABEL_OPTIONAL), kind[1:-1])
        kind = f"{message.name}.{entry.name}"
    _set_type(field, kind.strip("[]"))


def _set_type(field: descriptor_pb2.FieldDescriptorProto, kind: str) -> None:
    if kind in _SCALARS:
        field.type = _SCALARS[kind]
        return
    field.type = _FIELD.TYPE_ENUM if kind in _ENUMS else _FIELD.TYPE_MESSAGE
    field.type_name = f".{kind}" if kind.startswith("google.") else f".{PACKAGE}.{kind}"


_NAMES = [line.partition(":")[0] for line in _MESSAGES.strip().splitlines()]
_POOL = descriptor_pool.DescriptorPool()
for _dependency in (duration_pb2, timestamp_pb2):
    _POOL.AddSerializedFile(_dependency.DESCRIPTOR.serialized_pb)
_POOL.AddSerializedFile(_file().SerializeToString())
