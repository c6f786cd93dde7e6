"""A guard taken out: what `make mutants` tries, one after the other."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Mutation:
    """A guard taken out: `old`, which stands once in `file`, becomes `new`. `test` fails then."""

    invariant: int
    name: str
    file: str
    old: str
    new: str
    test: str
