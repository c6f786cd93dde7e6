"""The fleet as a page, for a person: what needs attention and why, what each rotation did, and two careful buttons.

`routes` checks the role and maps errors, `pages` chooses what a request shows and submits what a form asks for;
`status`, `fleet_view`, `resource_view`, `progress` and `timeline` are pure functions from stored records to what a
template shows; `render` writes the page. docs/reference/dashboard.md says how it is opened.
"""
