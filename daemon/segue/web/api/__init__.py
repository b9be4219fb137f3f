"""The JSON API, a module a noun. Every endpoint takes the context and the request; the table is `segue.web.routes`."""
