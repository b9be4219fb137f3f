"""Internal storage: where files that tasks produce (and files given as inputs) live, addressed by `kestra:///` URIs.

`address` says what an address looks like and which are refused; `storage` is the face that tasks and pages see;
`local` keeps the files in a folder, `object_storage` in an object store, through `object_client` (whose errors are in
`object_errors`); `place` says which, and opens it. Nothing here knows executions beyond the shape of their addresses.
"""
