"""The status page for people: server-rendered, a module a page. They work without scripts; `static/live.js` keeps them
fresh."""
