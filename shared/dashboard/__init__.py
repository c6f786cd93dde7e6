"""The fleet as a page, for a person: what needs attention and why, what each rotation did, and two careful buttons.

`visit` takes a request apart and answers it; `condition`, `fleet_view`, `resource_view`, `progress` and `timeline` are
pure functions from what the ledger holds to what a template shows; `page` renders. docs/dashboard.md says how it is
opened and why its key is never part of it.
"""
