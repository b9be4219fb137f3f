"""Everything Git: the only place that runs git or opens a repository.

From the outside in: `names` (what may be a ref, a commit, a source), `credentials` and `environment` (what a git
process gets to know), `runner` (one hardened git process), `transfer` (a fetch, with progress), `mirror` (our bare
copy of the source), `history` and `blobs` (reads), `layout` and `identity` (which file is what), `namespace_files`
(a namespace's files at a commit), `survey` in `sync` (what is new at the head), `watch` and `webhook` (doorbells).

Nothing here knows what a flow means or speaks SQL, and nothing checks a work tree out.
"""
